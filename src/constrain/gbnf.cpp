// The parser of GBNF, with the line of every mistake.
#include "constrain/gbnf.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "constrain/char_expr.h"
#include "constrain/limits.h"
#include "text/utf8.h"

namespace hearth::constrain {

namespace {

using text::CodeSet;

bool names(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) {}

  Result<Grammar> parse() {
    if (source_.size() > kMaxSourceBytes) return refuse(fmt::format("longer than {} bytes", kMaxSourceBytes));
    skip(Lines::kCross);
    while (!at_end()) HEARTH_CHECK(rule());
    for (const auto& [name, rule] : rules_) {
      if (!rule.defined) return refuse(fmt::format("the rule \"{}\" is used but not defined", name));
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) return refuse("there is no rule \"root\"");
    grammar_.set_root(root->second.id);
    HEARTH_CHECK(grammar_.check());
    return std::move(grammar_);
  }

 private:
  struct Rule {
    RuleId id = 0;
    bool defined = false;
  };
  enum class Lines { kStay, kCross };

  [[nodiscard]] bool at_end() const { return pos_ >= source_.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return pos_ + ahead < source_.size() ? source_[pos_ + ahead] : '\0';
  }
  bool take(std::string_view text) {
    if (!source_.substr(pos_).starts_with(text)) return false;
    pos_ += text.size();
    return true;
  }
  [[nodiscard]] std::unexpected<Error> refuse(std::string_view what) const {
    const auto line = std::ranges::count(source_.substr(0, std::min(pos_, source_.size())), '\n') + 1;
    return fail(ErrorCode::kInvalidArgument, fmt::format("reading the GBNF grammar: line {}: {}", line, what));
  }

  void skip(Lines lines) {
    while (!at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || (lines == Lines::kCross && (c == '\n' || c == '\r'))) {
        ++pos_;
      } else if (c == '#') {
        while (!at_end() && peek() != '\n' && peek() != '\r') ++pos_;
      } else {
        return;
      }
    }
  }

  Result<RuleId> rule_named(const std::string& name) {
    const auto known = rules_.find(name);
    if (known != rules_.end()) return known->second.id;
    if (rules_.size() >= kMaxNamedRules) return refuse(fmt::format("more than {} rules", kMaxNamedRules));
    const RuleId id = grammar_.add_rule(name);
    rules_.emplace(name, Rule{id});
    return id;
  }

  std::string name() {
    const std::size_t first = pos_;
    while (names(peek())) ++pos_;
    return std::string(source_.substr(first, pos_ - first));
  }

  Status rule() {
    const std::string rule_name = name();
    if (rule_name.empty()) return refuse("the name of a rule was expected");
    skip(Lines::kStay);
    if (!take("::=")) return refuse(fmt::format("\"::=\" was expected after \"{}\"", rule_name));
    skip(Lines::kCross);
    HEARTH_TRY(const RuleId id, rule_named(rule_name));
    HEARTH_TRY(const ExprId body, alternatives(0));
    Rule& entry = rules_.at(rule_name);
    if (entry.defined) return refuse(fmt::format("the rule \"{}\" is defined twice", rule_name));
    entry.defined = true;
    grammar_.define(id, body);
    if (!at_end() && peek() != '\n' && peek() != '\r') return refuse("a new line was expected after the rule");
    skip(Lines::kCross);
    return {};
  }

  /// Inside parentheses (depth above 0) lines do not end the rule; after a '|' they never do.
  Result<ExprId> alternatives(int depth) {
    if (depth > kMaxNesting) return refuse(fmt::format("groups nested deeper than {}", kMaxNesting));
    std::vector<ExprId> ways;
    while (true) {
      HEARTH_TRY(const ExprId way, sequence(depth));
      ways.push_back(way);
      if (!take("|")) break;
      skip(Lines::kCross);
    }
    return grammar_.alt(std::move(ways));
  }

  Result<ExprId> sequence(int depth) {
    std::vector<ExprId> parts;
    const Lines lines = depth > 0 ? Lines::kCross : Lines::kStay;
    while (!at_end()) {
      ExprId item = grammar_.empty();
      const char c = peek();
      if (c == '"') {
        HEARTH_TRY(item, literal());
      } else if (c == '[') {
        HEARTH_TRY(item, char_class());
      } else if (c == '.') {
        ++pos_;
        item = of_set(CodeSet({{0, text::kLastCode}}));
      } else if (c == '(') {
        ++pos_;
        skip(Lines::kCross);
        HEARTH_TRY(item, alternatives(depth + 1));
        if (!take(")")) return refuse("a '(' without its ')'");
      } else if (c == '<' || c == '!') {
        HEARTH_TRY(item, token());
      } else if (names(c)) {
        HEARTH_TRY(const RuleId rule, rule_named(name()));
        item = grammar_.call(rule);
      } else {
        break;
      }
      HEARTH_TRY(const ExprId repeated, repetitions(item, lines));
      parts.push_back(repeated);
    }
    return grammar_.seq(std::move(parts));
  }

  ExprId of_set(const CodeSet& set) { return one_char(grammar_, set, Spelling::kPlain); }

  Result<ExprId> repetitions(ExprId item, Lines lines) {
    for (int n = 0;; ++n) {
      skip(lines);
      std::uint32_t min = 0;
      std::uint32_t max = Expr::kUnbounded;
      if (take("*")) {
      } else if (take("+")) {
        min = 1;
      } else if (take("?")) {
        max = 1;
      } else if (peek() == '{') {
        HEARTH_CHECK(counts(min, max));
      } else {
        return item;
      }
      if (n >= kMaxNesting) return refuse(fmt::format("more than {} repetitions of one item", kMaxNesting));
      item = grammar_.repeat(item, min, max);
    }
  }

  Status counts(std::uint32_t& min, std::uint32_t& max) {
    ++pos_;
    const auto number = [&](std::uint32_t& value) {
      skip(Lines::kStay);
      const std::size_t first = pos_;
      value = 0;
      for (; peek() >= '0' && peek() <= '9'; ++pos_)
        value = std::min(value * 10 + static_cast<std::uint32_t>(peek() - '0'), kMaxRepetition + 1);
      const bool found = pos_ > first;
      skip(Lines::kStay);
      return found;
    };
    const bool has_min = number(min);
    max = min;
    const bool comma = take(",");
    if (comma && !number(max)) max = Expr::kUnbounded;
    if ((!has_min && !comma) || !take("}")) return refuse("{m}, {m,}, {,n} or {m,n} was expected");
    if (min > kMaxRepetition || (max > kMaxRepetition && max != Expr::kUnbounded))
      return refuse(fmt::format("a repetition above {}", kMaxRepetition));
    if (min > max) return refuse("a repetition whose least count is above its greatest");
    return {};
  }

  Result<std::uint32_t> character() {
    if (at_end()) return refuse("the text ends within a literal or a class");
    if (peek() != '\\') {
      const text::Utf8Char plain = text::decode_utf8(source_, pos_);
      if (!plain.valid) return refuse("a byte that is not UTF-8");
      pos_ += plain.n_bytes;
      return plain.code;
    }
    ++pos_;
    const char what = peek();
    ++pos_;
    switch (what) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
      case '/': return static_cast<unsigned char>(what);
      case 'x': return hex(2);
      case 'u': return hex(4);
      case 'U': return hex(8);
      default: return refuse(fmt::format("the escape \\{} is not known", what));
    }
  }

  Result<std::uint32_t> hex(std::size_t n_digits) {
    const std::string_view digits = source_.substr(std::min(pos_, source_.size()), n_digits);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || end != digits.data() + n_digits || code > text::kLastCode)
      return refuse(fmt::format("{} hexadecimal digits of a character were expected", n_digits));
    pos_ += n_digits;
    return code;
  }

  Result<ExprId> literal() {
    ++pos_;
    std::string text;
    while (!take("\"")) {
      HEARTH_TRY(const std::uint32_t code, character());
      text::append_utf8(text, code);
    }
    return grammar_.literal(text);
  }

  Result<ExprId> char_class() {
    ++pos_;
    const bool negative = take("^");
    std::vector<CodeSet::Range> ranges;
    while (!take("]")) {
      HEARTH_TRY(const std::uint32_t first, character());
      std::uint32_t last = first;
      if (peek() == '-' && peek(1) != ']') {
        ++pos_;
        HEARTH_TRY(last, character());
        if (last < first) return refuse("a range whose end is below its start");
      }
      ranges.push_back({first, last});
    }
    const CodeSet set(std::move(ranges));
    return of_set(negative ? set.complement() : set);
  }

  Result<ExprId> token() {
    TokenSet set;
    set.negated = take("!");
    if (!take("<")) return refuse("a token such as <NAME> or <[ID]> was expected");
    const std::size_t close = source_.find('>', pos_);
    if (close == std::string_view::npos || close - pos_ > 256) return refuse("a '<' without its '>'");
    const std::string_view inside = source_.substr(pos_, close - pos_);
    pos_ = close + 1;
    if (inside.starts_with('[')) {
      Token id = 0;
      const auto [end, error] = std::from_chars(inside.data() + 1, inside.data() + inside.size(), id);
      if (error != std::errc() || id < 0 || std::string_view(end, inside.data() + inside.size()) != "]")
        return refuse("the number of a token was expected in <[ID]>");
      set.ids.push_back(id);
    } else {
      set.names.push_back("<" + std::string(inside) + ">");
    }
    return grammar_.tokens(std::move(set));
  }

  std::string_view source_;
  std::size_t pos_ = 0;
  Grammar grammar_;
  std::map<std::string, Rule> rules_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view source) {
  return Parser(source).parse();
}

}  // namespace hearth::constrain
