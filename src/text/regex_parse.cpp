// The parser of split patterns: the syntax that Oniguruma, Rust's regex crates and Python's regex share.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "text/regex_syntax.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

constexpr int kMaxDepth = 100;
constexpr std::uint32_t kMaxRepeat = 1000;
constexpr std::size_t kMaxRanges = 1 << 20;

class Parser {
 public:
  Parser(std::string_view pattern, RegexAnchors anchors) : pattern_(pattern), anchors_(anchors) {}

  Result<RegexNode> parse() {
    HEARTH_TRY(RegexNode node, alternation(0));
    if (pos_ < pattern_.size()) return refuse("a ')' without its '('");
    return node;
  }

 private:
  using Kind = RegexNode::Kind;

  [[nodiscard]] bool at_end() const { return pos_ >= pattern_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return pos_ + ahead < pattern_.size() ? pattern_[pos_ + ahead] : '\0';
  }
  [[nodiscard]] bool looking_at(std::string_view text) const { return pattern_.substr(pos_).starts_with(text); }
  bool take(std::string_view text) {
    if (!looking_at(text)) return false;
    pos_ += text.size();
    return true;
  }
  [[nodiscard]] std::unexpected<Error> refuse(std::string_view what) const {
    return fail(ErrorCode::kUnsupportedModel,
                fmt::format("reading the split pattern \"{}\": at byte {}: {}", pattern_, pos_, what));
  }

  static RegexNode of_set(CodeSet set) {
    RegexNode node;
    node.kind = Kind::kSet;
    node.set = std::move(set);
    return node;
  }
  static RegexNode of_anchor(RegexAnchor anchor) {
    RegexNode node;
    node.kind = Kind::kAnchor;
    node.anchor = anchor;
    return node;
  }

  Result<RegexNode> alternation(int depth) {
    if (depth > kMaxDepth) return refuse("groups nested deeper than 100");
    const bool outer_fold = fold_case_;
    RegexNode choice;
    choice.kind = Kind::kAlternate;
    do {
      HEARTH_TRY(RegexNode sequence, concatenation(depth));
      choice.children.push_back(std::move(sequence));
    } while (take("|"));
    fold_case_ = outer_fold;
    if (choice.children.size() == 1) {
      RegexNode only = std::move(choice.children.front());
      return only;
    }
    return choice;
  }

  Result<RegexNode> concatenation(int depth) {
    RegexNode sequence;
    sequence.kind = Kind::kConcat;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (take("(?i)")) {
        fold_case_ = true;
        continue;
      }
      HEARTH_TRY(RegexNode item, atom(depth));
      HEARTH_TRY(item, repetition(std::move(item)));
      sequence.children.push_back(std::move(item));
    }
    return sequence;
  }

  Result<RegexNode> repetition(RegexNode item) {
    while (true) {
      std::uint32_t min = 0;
      std::uint32_t max = RegexNode::kUnbounded;
      if (take("*")) {
      } else if (take("+")) {
        min = 1;
      } else if (take("?")) {
        max = 1;
      } else if (peek() == '{') {
        HEARTH_TRY(const bool counted, counts(min, max));
        if (!counted) return item;
      } else {
        return item;
      }
      if (item.kind == Kind::kLookAhead || item.kind == Kind::kAnchor) return refuse("a repeated assertion");
      if (max > 1 && item.nullable()) return refuse("a repetition of something that can be empty");
      RegexNode repeat;
      repeat.kind = Kind::kRepeat;
      repeat.min = min;
      repeat.max = max;
      if (take("?")) {
        repeat.greedy = false;
      } else if (take("+")) {
        repeat.possessive = true;
        if (item.kind != Kind::kSet) return refuse("a possessive repetition of more than one character");
      }
      repeat.children.push_back(std::move(item));
      item = std::move(repeat);
    }
  }

  /// Reads {m}, {m,} or {m,n}; false where the brace is a literal one.
  Result<bool> counts(std::uint32_t& min, std::uint32_t& max) {
    std::size_t at = pos_ + 1;
    const auto number = [&](std::uint32_t& value) {
      const std::size_t first = at;
      value = 0;
      while (at < pattern_.size() && pattern_[at] >= '0' && pattern_[at] <= '9') {
        value = std::min(value * 10 + static_cast<std::uint32_t>(pattern_[at] - '0'), kMaxRepeat + 1);
        ++at;
      }
      return at > first;
    };
    const bool has_min = number(min);
    bool comma = false;
    bool has_max = false;
    max = min;
    if (at < pattern_.size() && pattern_[at] == ',') {
      comma = true;
      ++at;
      has_max = number(max);
    }
    if (at >= pattern_.size() || pattern_[at] != '}' || (!has_min && !has_max)) return false;
    if (comma && !has_max) max = RegexNode::kUnbounded;
    if (min > kMaxRepeat || (max > kMaxRepeat && max != RegexNode::kUnbounded))
      return refuse("a repetition above 1000");
    if (min > max) return refuse("a repetition whose least count is above its greatest");
    pos_ = at + 1;
    return true;
  }

  Result<RegexNode> atom(int depth) {
    const char next = peek();
    switch (next) {
      case '(': return group(depth);
      case '[': {
        HEARTH_TRY(CodeSet set, bracket(depth));
        return of_set(std::move(set));
      }
      case '.': {
        ++pos_;
        return of_set(CodeSet::single('\n').complement());
      }
      case '^': {
        ++pos_;
        return of_anchor(anchors_ == RegexAnchors::kLines ? RegexAnchor::kLineBegin : RegexAnchor::kTextBegin);
      }
      case '$': {
        ++pos_;
        return of_anchor(anchors_ == RegexAnchors::kLines ? RegexAnchor::kLineEnd : RegexAnchor::kTextEnd);
      }
      case '*':
      case '+':
      case '?': return refuse("a repetition of nothing");
      case '\\': return escape();
      default: {
        HEARTH_TRY(const std::uint32_t code, literal());
        return of_set(folded(CodeSet::single(code)));
      }
    }
  }

  [[nodiscard]] CodeSet folded(CodeSet set) const { return fold_case_ ? set.case_closed() : std::move(set); }

  Result<std::uint32_t> literal() {
    const Utf8Char character = decode_utf8(pattern_, pos_);
    if (!character.valid) return refuse("a byte that is not UTF-8");
    pos_ += character.n_bytes;
    return character.code;
  }

  Result<RegexNode> group(int depth) {
    ++pos_;
    const bool outer_fold = fold_case_;
    RegexNode node;
    bool look_behind = false;
    if (take("?:")) {
    } else if (take("?i:")) {
      fold_case_ = true;
    } else if (take("?=") || looking_at("?!")) {
      node.negative = take("?!");
      node.kind = Kind::kLookAhead;
    } else if (take("?<=") || looking_at("?<!")) {
      node.negative = take("?<!");
      node.kind = Kind::kLookBehind;
      look_behind = true;
    } else if (peek() == '?' || peek() == '*') {
      return refuse("a group of a kind that is not supported (named, atomic, conditional or with flags)");
    }
    HEARTH_TRY(RegexNode inner, alternation(depth + 1));
    if (!take(")")) return refuse("a '(' without its ')'");
    fold_case_ = outer_fold;
    if (node.kind == Kind::kEmpty) return inner;
    if (look_behind) {
      if (inner.kind == Kind::kConcat && inner.children.size() == 1) {
        RegexNode only = std::move(inner.children.front());
        inner = std::move(only);
      }
      if (inner.kind != Kind::kSet) return refuse("a look-behind of anything but one character");
      node.set = std::move(inner.set);
    } else {
      node.children.push_back(std::move(inner));
    }
    return node;
  }

  Result<RegexNode> escape() {
    const char what = peek(1);
    const auto anchor = [&](RegexAnchor kind) {
      pos_ += 2;
      return of_anchor(kind);
    };
    switch (what) {
      case 'A': return anchor(RegexAnchor::kTextBegin);
      case 'z': return anchor(RegexAnchor::kTextEnd);
      case 'Z': return anchor(RegexAnchor::kTextEndOrLastNewline);
      case 'b': return anchor(RegexAnchor::kWordBoundary);
      case 'B': return anchor(RegexAnchor::kNoWordBoundary);
      default: {
        HEARTH_TRY(CodeSet set, escaped_set());
        return of_set(folded(std::move(set)));
      }
    }
  }

  /// A backslash and what follows it, as the characters it stands for.
  Result<CodeSet> escaped_set() {
    ++pos_;
    if (at_end()) return refuse("a backslash at the end");
    const char what = peek();
    switch (what) {
      case 's': ++pos_; return CodeSet::white_space();
      case 'S': ++pos_; return CodeSet::white_space().complement();
      case 'd': ++pos_; return *CodeSet::property("Nd");
      case 'D': ++pos_; return CodeSet::property("Nd")->complement();
      case 'w': ++pos_; return CodeSet::word();
      case 'W': ++pos_; return CodeSet::word().complement();
      case 'h': ++pos_; return CodeSet({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
      case 'n': ++pos_; return CodeSet::single('\n');
      case 'r': ++pos_; return CodeSet::single('\r');
      case 't': ++pos_; return CodeSet::single('\t');
      case 'f': ++pos_; return CodeSet::single('\f');
      case 'v': ++pos_; return CodeSet::single('\v');
      case 'a': ++pos_; return CodeSet::single('\a');
      case 'e': ++pos_; return CodeSet::single(0x1B);
      case '0': ++pos_; return CodeSet::single(0);
      case 'p':
      case 'P': return property();
      case 'x': return hex(2);
      case 'u': return hex(4);
      default: break;
    }
    if ((what >= 'a' && what <= 'z') || (what >= 'A' && what <= 'Z') || (what >= '1' && what <= '9')) {
      return refuse(fmt::format("the escape \\{}, which is not supported", what));
    }
    HEARTH_TRY(const std::uint32_t code, literal());
    return CodeSet::single(code);
  }

  Result<CodeSet> property() {
    bool negative = peek() == 'P';
    ++pos_;
    std::string_view name;
    if (peek() == '{') {
      const std::size_t close = pattern_.find('}', pos_);
      if (close == std::string_view::npos) return refuse("\\p{ without its }");
      name = pattern_.substr(pos_ + 1, close - pos_ - 1);
      if (name.starts_with('^')) {
        negative = !negative;
        name.remove_prefix(1);
      }
      pos_ = close + 1;
    } else {
      name = pattern_.substr(pos_, 1);
      ++pos_;
    }
    const auto set = CodeSet::property(name);
    if (!set) return refuse(fmt::format("the character property \\p{{{}}}, which is not supported", name));
    return negative ? set->complement() : *set;
  }

  Result<CodeSet> hex(std::size_t n_digits) {
    ++pos_;
    std::string_view digits = pattern_.substr(pos_, n_digits);
    std::size_t n_used = digits.size();
    if (peek() == '{') {
      const std::size_t close = pattern_.find('}', pos_);
      if (close == std::string_view::npos || close - pos_ > 7) return refuse("\\x{ without its }");
      digits = pattern_.substr(pos_ + 1, close - pos_ - 1);
      n_used = digits.size() + 2;
    } else if (digits.size() != n_digits) {
      return refuse("too few hexadecimal digits");
    }
    std::uint32_t code = 0;
    for (const char digit : digits) {
      const char lower = static_cast<char>(digit | 0x20);
      if (digit >= '0' && digit <= '9') {
        code = code * 16 + static_cast<std::uint32_t>(digit - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      } else {
        return refuse("a hexadecimal digit was expected");
      }
    }
    if (code > kLastCode || digits.empty()) return refuse("a character number above 10FFFF");
    pos_ += n_used;
    return CodeSet::single(code);
  }

  /// [...] with ranges, nested classes and intersections.
  Result<CodeSet> bracket(int depth) {
    if (depth > kMaxDepth) return refuse("classes nested deeper than 100");
    ++pos_;
    const bool negative = take("^");
    std::vector<CodeSet::Range> ranges;
    std::optional<CodeSet> left;  // of &&
    const auto intersect = [&] {
      CodeSet set(std::move(ranges));
      ranges.clear();
      left = left ? left->intersected(set) : std::move(set);
    };
    for (bool first = true;; first = false) {
      if (at_end()) return refuse("a '[' without its ']'");
      if (peek() == ']' && !first) break;
      if (take("&&")) {
        intersect();
        continue;
      }
      if (looking_at("[:")) return refuse("a POSIX class such as [:alpha:], which is not supported");
      HEARTH_TRY(const CodeSet item, peek() == '[' ? bracket(depth + 1) : bracket_item());
      ranges.insert(ranges.end(), item.ranges().begin(), item.ranges().end());
      if (ranges.size() > kMaxRanges) return refuse("a class of more than a million ranges");
    }
    ++pos_;
    intersect();
    const CodeSet set = folded(std::move(*left));
    return negative ? set.complement() : set;
  }

  Result<CodeSet> bracket_item() {
    HEARTH_TRY(const CodeSet low, bracket_atom());
    const bool single = low.ranges().size() == 1 && low.ranges()[0].first == low.ranges()[0].last;
    if (peek() != '-' || peek(1) == ']' || peek(1) == '\0' || !single) return low;
    if (peek(1) == '[' || (peek(1) == '&' && peek(2) == '&')) return low;
    ++pos_;
    HEARTH_TRY(const CodeSet high, bracket_atom());
    if (high.ranges().size() != 1 || high.ranges()[0].first != high.ranges()[0].last) {
      return refuse("a range that ends in a class");
    }
    const std::uint32_t first = low.ranges()[0].first;
    const std::uint32_t last = high.ranges()[0].first;
    if (first > last) return refuse("a range whose end is below its start");
    return CodeSet({{first, last}});
  }

  Result<CodeSet> bracket_atom() {
    if (at_end()) return refuse("a '[' without its ']'");
    if (peek() == '\\') {
      if (peek(1) == 'b') {
        pos_ += 2;
        return CodeSet::single('\b');
      }
      return escaped_set();
    }
    HEARTH_TRY(const std::uint32_t code, literal());
    return CodeSet::single(code);
  }

  std::string_view pattern_;
  RegexAnchors anchors_;
  std::size_t pos_ = 0;
  bool fold_case_ = false;
};

}  // namespace

bool RegexNode::nullable() const {
  switch (kind) {
    case Kind::kSet: return false;
    case Kind::kConcat: return std::ranges::all_of(children, &RegexNode::nullable);
    case Kind::kAlternate: return std::ranges::any_of(children, &RegexNode::nullable);
    case Kind::kRepeat: return min == 0 || children[0].nullable();
    default: return true;
  }
}

Result<RegexNode> parse_regex(std::string_view pattern, RegexAnchors anchors) {
  return Parser(pattern, anchors).parse();
}

}  // namespace hearth::text
