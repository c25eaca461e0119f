// The parser of ECMA-262 patterns in Unicode mode, with the laxer escapes that patterns in the wild have.
#include "constrain/pattern_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "constrain/grammar.h"
#include "constrain/limits.h"
#include "text/utf8.h"

namespace hearth::constrain {

namespace {

using text::CodeSet;

CodeSet digits() {
  return CodeSet({{'0', '9'}});
}
CodeSet word() {
  return CodeSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
}
/// WhiteSpace and LineTerminator of ECMA-262.
CodeSet space() {
  return CodeSet({{0x09, 0x0D},
                  {0x20, 0x20},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000},
                  {0xFEFF, 0xFEFF}});
}
CodeSet line_ends() {
  return CodeSet({{0x0A, 0x0A}, {0x0D, 0x0D}, {0x2028, 0x2029}});
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {}

  Result<PatternNode> parse() {
    HEARTH_TRY(PatternNode node, alternation(0));
    if (pos_ < pattern_.size()) return broken("a ')' without its '('");
    return node;
  }

 private:
  using Kind = PatternNode::Kind;

  [[nodiscard]] bool at_end() const { return pos_ >= pattern_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return pos_ + ahead < pattern_.size() ? pattern_[pos_ + ahead] : '\0';
  }
  bool take(std::string_view text) {
    if (!pattern_.substr(pos_).starts_with(text)) return false;
    pos_ += text.size();
    return true;
  }
  [[nodiscard]] std::unexpected<Error> stop(ErrorCode code, std::string_view what) const {
    const std::string_view shown = pattern_.substr(0, 200);
    return fail(code, fmt::format("reading the pattern \"{}\"{}: at byte {}: {}", shown,
                                  shown.size() < pattern_.size() ? "..." : "", pos_, what));
  }
  [[nodiscard]] std::unexpected<Error> broken(std::string_view what) const {
    return stop(ErrorCode::kInvalidArgument, what);
  }
  [[nodiscard]] std::unexpected<Error> unsupported(std::string_view what) const {
    return stop(ErrorCode::kUnsupportedConstraint, fmt::format("{} is not supported", what));
  }

  static PatternNode of_set(CodeSet set) {
    PatternNode node;
    node.kind = Kind::kSet;
    node.set = std::move(set);
    return node;
  }

  Result<PatternNode> alternation(int depth) {
    if (depth > kMaxNesting) return broken(fmt::format("groups nested deeper than {}", kMaxNesting));
    PatternNode choice;
    choice.kind = Kind::kAlternate;
    do {
      PatternNode sequence;
      sequence.kind = Kind::kConcat;
      while (!at_end() && peek() != '|' && peek() != ')') {
        HEARTH_TRY(PatternNode item, atom(depth));
        HEARTH_TRY(item, repetition(std::move(item)));
        sequence.children.push_back(std::move(item));
      }
      choice.children.push_back(std::move(sequence));
    } while (take("|"));
    if (choice.children.size() > 1) return choice;
    PatternNode only = std::move(choice.children.front());
    return only;
  }

  Result<PatternNode> repetition(PatternNode item) {
    PatternNode repeat;
    repeat.kind = Kind::kRepeat;
    repeat.max = Expr::kUnbounded;
    if (take("*")) {
    } else if (take("+")) {
      repeat.min = 1;
    } else if (take("?")) {
      repeat.max = 1;
    } else if (peek() == '{') {
      HEARTH_CHECK(counts(repeat.min, repeat.max));
    } else {
      return item;
    }
    if (item.kind == Kind::kBegin || item.kind == Kind::kEnd) return broken("a repeated anchor");
    take("?");  // lazy: the same texts match
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') return broken("a repetition of a repetition");
    repeat.children.push_back(std::move(item));
    return repeat;
  }

  Status counts(std::uint32_t& min, std::uint32_t& max) {
    ++pos_;
    const auto number = [&](std::uint32_t& value) {
      const std::size_t first = pos_;
      value = 0;
      for (; peek() >= '0' && peek() <= '9'; ++pos_)
        value = std::min(value * 10 + static_cast<std::uint32_t>(peek() - '0'), kMaxRepetition + 1);
      return pos_ > first;
    };
    if (!number(min)) return broken("a '{' that begins no repetition; write \\{ for the character");
    max = min;
    if (take(",") && !number(max)) max = Expr::kUnbounded;
    if (!take("}")) return broken("a '{' that begins no repetition; write \\{ for the character");
    if (min > kMaxRepetition || (max > kMaxRepetition && max != Expr::kUnbounded))
      return broken(fmt::format("a repetition above {}", kMaxRepetition));
    if (min > max) return broken("a repetition whose least count is above its greatest");
    return {};
  }

  Result<PatternNode> atom(int depth) {
    switch (peek()) {
      case '(': return group(depth);
      case '[': {
        HEARTH_TRY(CodeSet set, bracket());
        return of_set(std::move(set));
      }
      case '.': ++pos_; return of_set(line_ends().complement());
      case '^': ++pos_; return PatternNode{.kind = Kind::kBegin};
      case '$': ++pos_; return PatternNode{.kind = Kind::kEnd};
      case '*':
      case '+':
      case '?': return broken("a repetition of nothing");
      case '{': return broken("a '{' that repeats nothing; write \\{ for the character");
      case '\\': {
        if (peek(1) == 'b' || peek(1) == 'B') return unsupported(fmt::format("the word boundary \\{}", peek(1)));
        if (peek(1) == 'k' || (peek(1) >= '1' && peek(1) <= '9')) return unsupported("a back-reference");
        HEARTH_TRY(CodeSet set, escape());
        return of_set(std::move(set));
      }
      default: {
        HEARTH_TRY(const std::uint32_t code, literal());
        return of_set(CodeSet::single(code));
      }
    }
  }

  Result<PatternNode> group(int depth) {
    ++pos_;
    if (take("?:")) {
    } else if (peek() == '?' && (peek(1) == '=' || peek(1) == '!')) {
      return unsupported("look-ahead");
    } else if (peek() == '?' && peek(1) == '<' && (peek(2) == '=' || peek(2) == '!')) {
      return unsupported("look-behind");
    } else if (take("?<")) {
      const std::size_t close = pattern_.find('>', pos_);
      if (close == std::string_view::npos) return broken("a group's name without its '>'");
      pos_ = close + 1;
    } else if (peek() == '?') {
      return unsupported("this kind of group (modifiers)");
    }
    HEARTH_TRY(PatternNode inner, alternation(depth + 1));
    if (!take(")")) return broken("a '(' without its ')'");
    return inner;
  }

  Result<std::uint32_t> literal() {
    if (at_end()) return broken("a character was expected");
    const text::Utf8Char character = text::decode_utf8(pattern_, pos_);
    if (!character.valid) return broken("a byte that is not UTF-8");
    pos_ += character.n_bytes;
    return character.code;
  }

  /// A backslash and what follows it, as the characters it stands for.
  Result<CodeSet> escape() {
    ++pos_;
    if (at_end()) return broken("a backslash at the end");
    const char what = peek();
    const auto one = [&](std::uint32_t code) {
      ++pos_;
      return CodeSet::single(code);
    };
    switch (what) {
      case 'd': ++pos_; return digits();
      case 'D': ++pos_; return digits().complement();
      case 'w': ++pos_; return word();
      case 'W': ++pos_; return word().complement();
      case 's': ++pos_; return space();
      case 'S': ++pos_; return space().complement();
      case 't': return one('\t');
      case 'n': return one('\n');
      case 'v': return one('\v');
      case 'f': return one('\f');
      case 'r': return one('\r');
      case 'c': return control();
      case 'x': ++pos_; return hex(2);
      case 'u': return unicode();
      case 'p':
      case 'P': return property();
      case '0':
        if (peek(1) >= '0' && peek(1) <= '9') return broken("an octal escape");
        return one(0);
      default: break;
    }
    if ((what >= 'a' && what <= 'z') || (what >= 'A' && what <= 'Z') || (what >= '0' && what <= '9'))
      return broken(fmt::format("\\{} is no escape of ECMA-262", what));
    HEARTH_TRY(const std::uint32_t code, literal());
    return CodeSet::single(code);
  }

  Result<CodeSet> control() {
    const char letter = static_cast<char>(peek(1) | 0x20);
    if (letter < 'a' || letter > 'z') return broken("\\c without a letter");
    pos_ += 2;
    return CodeSet::single(static_cast<std::uint32_t>(letter - 'a' + 1));
  }

  Result<std::uint32_t> hex_number(std::string_view text) {
    std::uint32_t code = 0;
    for (const char c : text) {
      const char lower = static_cast<char>(c | 0x20);
      const bool is_digit = c >= '0' && c <= '9';
      if (!is_digit && (lower < 'a' || lower > 'f')) return broken("a hexadecimal digit was expected");
      code = code * 16 + static_cast<std::uint32_t>(is_digit ? c - '0' : lower - 'a' + 10);
      if (code > text::kLastCode) return broken("a character number above 10FFFF");
    }
    return code;
  }

  Result<CodeSet> hex(std::size_t n_digits) {
    if (pos_ + n_digits > pattern_.size()) return broken("too few hexadecimal digits");
    HEARTH_TRY(const std::uint32_t code, hex_number(pattern_.substr(pos_, n_digits)));
    pos_ += n_digits;
    return CodeSet::single(code);
  }

  Result<CodeSet> unicode() {
    ++pos_;
    if (peek() == '{') {
      const std::size_t close = pattern_.find('}', pos_);
      if (close == std::string_view::npos || close == pos_ + 1) return broken("\\u{ without its number and }");
      HEARTH_TRY(const std::uint32_t code, hex_number(pattern_.substr(pos_ + 1, close - pos_ - 1)));
      pos_ = close + 1;
      return CodeSet::single(code);
    }
    HEARTH_TRY(const CodeSet high, hex(4));
    const std::uint32_t first = high.ranges()[0].first;
    if (first < 0xD800 || first > 0xDBFF || !take("\\u")) return high;
    HEARTH_TRY(const CodeSet low, hex(4));
    const std::uint32_t second = low.ranges()[0].first;
    if (second < 0xDC00 || second > 0xDFFF) return broken("half of a surrogate pair");
    return CodeSet::single(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
  }

  Result<CodeSet> property() {
    const bool negative = peek() == 'P';
    ++pos_;
    const std::size_t close = pattern_.find('}', pos_);
    if (peek() != '{' || close == std::string_view::npos) return broken("\\p without {NAME}");
    const std::string_view name = pattern_.substr(pos_ + 1, close - pos_ - 1);
    const CodeSet set = unicode_property(name);
    if (set.empty()) return unsupported(fmt::format("the property \\p{{{}}}", name));
    pos_ = close + 1;
    return negative ? set.complement() : set;
  }

  Result<CodeSet> bracket() {
    ++pos_;
    const bool negative = take("^");
    std::vector<CodeSet::Range> ranges;
    while (!take("]")) {
      if (at_end()) return broken("a '[' without its ']'");
      HEARTH_TRY(CodeSet low, bracket_atom());
      if (peek() == '-' && peek(1) != ']' && peek(1) != '\0') {
        ++pos_;
        HEARTH_TRY(const CodeSet high, bracket_atom());
        const auto single = [](const CodeSet& set) {
          return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
        };
        if (!single(low) || !single(high)) return broken("a range between classes");
        if (low.ranges()[0].first > high.ranges()[0].first) return broken("a range whose end is below its start");
        low = CodeSet({{low.ranges()[0].first, high.ranges()[0].first}});
      }
      ranges.insert(ranges.end(), low.ranges().begin(), low.ranges().end());
      if (ranges.size() > kMaxNfaEdges) return broken("a class of too many ranges");
    }
    CodeSet set(std::move(ranges));
    return negative ? set.complement() : set;
  }

  Result<CodeSet> bracket_atom() {
    if (peek() != '\\') {
      HEARTH_TRY(const std::uint32_t code, literal());
      return CodeSet::single(code);
    }
    if (peek(1) == 'b' || peek(1) == '-') {
      pos_ += 2;
      return CodeSet::single(pattern_[pos_ - 1] == 'b' ? 8 : '-');
    }
    return escape();
  }

  std::string_view pattern_;
  std::size_t pos_ = 0;
};

struct LongName {
  std::string_view name, category;
};
constexpr std::array kLongNames = {LongName{"Letter", "L"},
                                   LongName{"Cased_Letter", "LC"},
                                   LongName{"Uppercase_Letter", "Lu"},
                                   LongName{"Lowercase_Letter", "Ll"},
                                   LongName{"Titlecase_Letter", "Lt"},
                                   LongName{"Modifier_Letter", "Lm"},
                                   LongName{"Other_Letter", "Lo"},
                                   LongName{"Mark", "M"},
                                   LongName{"Combining_Mark", "M"},
                                   LongName{"Nonspacing_Mark", "Mn"},
                                   LongName{"Spacing_Mark", "Mc"},
                                   LongName{"Enclosing_Mark", "Me"},
                                   LongName{"Number", "N"},
                                   LongName{"Decimal_Number", "Nd"},
                                   LongName{"digit", "Nd"},
                                   LongName{"Letter_Number", "Nl"},
                                   LongName{"Other_Number", "No"},
                                   LongName{"Punctuation", "P"},
                                   LongName{"punct", "P"},
                                   LongName{"Connector_Punctuation", "Pc"},
                                   LongName{"Dash_Punctuation", "Pd"},
                                   LongName{"Open_Punctuation", "Ps"},
                                   LongName{"Close_Punctuation", "Pe"},
                                   LongName{"Initial_Punctuation", "Pi"},
                                   LongName{"Final_Punctuation", "Pf"},
                                   LongName{"Other_Punctuation", "Po"},
                                   LongName{"Symbol", "S"},
                                   LongName{"Math_Symbol", "Sm"},
                                   LongName{"Currency_Symbol", "Sc"},
                                   LongName{"Modifier_Symbol", "Sk"},
                                   LongName{"Other_Symbol", "So"},
                                   LongName{"Separator", "Z"},
                                   LongName{"Space_Separator", "Zs"},
                                   LongName{"Line_Separator", "Zl"},
                                   LongName{"Paragraph_Separator", "Zp"},
                                   LongName{"Other", "C"},
                                   LongName{"Control", "Cc"},
                                   LongName{"cntrl", "Cc"},
                                   LongName{"Format", "Cf"},
                                   LongName{"Surrogate", "Cs"},
                                   LongName{"Private_Use", "Co"},
                                   LongName{"Unassigned", "Cn"}};

}  // namespace

Result<PatternNode> parse_pattern_syntax(std::string_view pattern) {
  return Parser(pattern).parse();
}

text::CodeSet unicode_property(std::string_view name) {
  for (const std::string_view key : {"General_Category=", "gc=", "Script=", "sc="}) {
    if (!name.starts_with(key)) continue;
    name.remove_prefix(key.size());
    break;
  }
  for (const LongName& known : kLongNames)
    if (known.name == name) name = known.category;
  if (name == "LC") return CodeSet::property("Lu")->united(*CodeSet::property("Ll")).united(*CodeSet::property("Lt"));
  if (name == "ASCII") return CodeSet({{0, 0x7F}});
  return CodeSet::property(name).value_or(CodeSet());
}

}  // namespace hearth::constrain
