// Expressions, from the loosest binding to the tightest.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "text/jinja/library.h"
#include "text/jinja/parser.h"

namespace hearth::text::jinja {

namespace {

/// Chains such as a + b + c + ... become trees as deep as they are long; evaluating them takes stack.
constexpr int kLongestChain = 500;

struct OperatorKind {
  std::string_view text;
  ExprKind kind;
};
constexpr std::array kSums = {OperatorKind{"+", ExprKind::kAdd}, OperatorKind{"-", ExprKind::kSubtract}};
constexpr std::array kProducts = {OperatorKind{"*", ExprKind::kMultiply}, OperatorKind{"/", ExprKind::kDivide},
                                  OperatorKind{"//", ExprKind::kFloorDivide}, OperatorKind{"%", ExprKind::kModulo}};

const OperatorKind* find_operator(std::span<const OperatorKind> kinds, const Token& token) {
  if (token.kind != TokenKind::kOperator) return nullptr;
  for (const OperatorKind& kind : kinds) {
    if (kind.text == token.text) return &kind;
  }
  return nullptr;
}

}  // namespace

const Expr* Parser::parse_expression() {
  const Deeper deeper(*this);
  const Expr* value = parse_or();
  while (is_word("if")) {
    Expr choice = make(ExprKind::kConditional);
    ++at_;
    choice.a = value;
    choice.b = parse_or();
    if (skip_word("else")) choice.c = parse_expression();
    value = keep(choice);
  }
  return value;
}

const Expr* Parser::parse_or() {
  const Expr* left = parse_and();
  for (int n = 0; is_word("or"); ++n) {
    if (n == kLongestChain) fail("a chain of \"or\" is too long");
    const std::uint32_t line = tokens_[at_++].line;
    left = keep_pair(ExprKind::kOr, line, left, parse_and());
  }
  return left;
}

const Expr* Parser::parse_and() {
  const Expr* left = parse_not();
  for (int n = 0; is_word("and"); ++n) {
    if (n == kLongestChain) fail("a chain of \"and\" is too long");
    const std::uint32_t line = tokens_[at_++].line;
    left = keep_pair(ExprKind::kAnd, line, left, parse_not());
  }
  return left;
}

const Expr* Parser::parse_not() {
  if (!is_word("not")) return parse_compare();
  const Deeper deeper(*this);
  const std::uint32_t line = tokens_[at_++].line;
  return keep_pair(ExprKind::kNot, line, parse_not(), nullptr);
}

const Expr* Parser::parse_compare() {
  static constexpr std::array<std::string_view, 6> kSigns = {"==", "!=", "<", "<=", ">", ">="};  // as Comparison
  Expr compare = make(ExprKind::kCompare);
  compare.a = parse_sum();
  std::vector<ComparisonTerm> terms;
  for (;;) {
    const auto sign = std::ranges::find(kSigns, current().text);
    if (current().kind == TokenKind::kOperator && sign != kSigns.end()) {
      ++at_;
      terms.push_back({static_cast<Comparison>(sign - kSigns.begin()), parse_sum()});
    } else if (skip_word("in")) {
      terms.push_back({Comparison::kIn, parse_sum()});
    } else if (is_word("not") && look(1).kind == TokenKind::kName && look(1).text == "in") {
      at_ += 2;
      terms.push_back({Comparison::kNotIn, parse_sum()});
    } else {
      break;
    }
  }
  if (terms.empty()) return compare.a;
  compare.terms = arena_.keep(terms);
  return keep(compare);
}

const Expr* Parser::parse_sum() {
  const Expr* left = parse_concat();
  for (int n = 0;; ++n) {
    const OperatorKind* found = find_operator(kSums, current());
    if (found == nullptr) return left;
    if (n == kLongestChain) fail("a chain of sums is too long");
    const std::uint32_t line = tokens_[at_++].line;
    left = keep_pair(found->kind, line, left, parse_concat());
  }
}

const Expr* Parser::parse_concat() {
  Expr concat = make(ExprKind::kConcat);
  std::vector<const Expr*> items{parse_product()};
  while (skip_operator("~")) items.push_back(parse_product());
  if (items.size() == 1) return items.front();
  concat.items = arena_.keep(items);
  return keep(concat);
}

const Expr* Parser::parse_product() {
  const Expr* left = parse_power();
  for (int n = 0;; ++n) {
    const OperatorKind* found = find_operator(kProducts, current());
    if (found == nullptr) return left;
    if (n == kLongestChain) fail("a chain of products is too long");
    const std::uint32_t line = tokens_[at_++].line;
    left = keep_pair(found->kind, line, left, parse_power());
  }
}

const Expr* Parser::parse_power() {
  const Expr* left = parse_unary();
  for (int n = 0; is_operator("**"); ++n) {
    if (n == kLongestChain) fail("a chain of powers is too long");
    const std::uint32_t line = tokens_[at_++].line;
    left = keep_pair(ExprKind::kPower, line, left, parse_unary());
  }
  return left;
}

const Expr* Parser::parse_unary() {
  return parse_filters_and_tests(parse_unary_without_filter());
}

const Expr* Parser::parse_unary_without_filter() {
  const Deeper deeper(*this);
  const std::uint32_t line = current().line;
  const Expr* node = nullptr;
  if (skip_operator("-")) {
    node = keep_pair(ExprKind::kNegate, line, parse_unary_without_filter(), nullptr);
  } else if (skip_operator("+")) {
    node = keep_pair(ExprKind::kPlus, line, parse_unary_without_filter(), nullptr);
  } else {
    node = parse_primary();
  }
  return parse_postfix(node);
}

const Expr* Parser::parse_primary() {
  Expr expr = make(ExprKind::kConst);
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::kName: return parse_name();
    case TokenKind::kString: expr.value = parse_string(); return keep(expr);
    case TokenKind::kInteger: expr.value = parse_integer(token); break;
    case TokenKind::kFloat: expr.value = parse_float(token); break;
    default:
      if (is_operator("[")) return parse_list();
      if (is_operator("{")) return parse_dict();
      if (!skip_operator("(")) fail_unexpected("an expression");
      const Expr* inner = parse_tuple(true, true);
      expect_operator(")");
      return inner;
  }
  ++at_;
  return keep(expr);
}

const Expr* Parser::parse_name() {
  Expr expr = make(ExprKind::kConst);
  const std::string_view name = expect_name();
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    expr.value = Value::of(name == "true" || name == "True");
  } else if (name == "none" || name == "None") {
    expr.value = Value::none();
  } else {
    expr.kind = ExprKind::kName;
    expr.name = name;
    expr.symbol = symbols_.intern(name);
    // The innermost macro that does not declare the name is the one that uses it.
    if (!macros_.empty()) {
      MacroNode& macro = *macros_.back();
      macro.uses_varargs = macro.uses_varargs || name == "varargs";
      macro.uses_kwargs = macro.uses_kwargs || name == "kwargs";
      macro.uses_caller = macro.uses_caller || name == "caller";
    }
  }
  return keep(expr);
}

Value Parser::parse_string() {
  const std::uint32_t line = current().line;
  try {
    std::string_view text = unescape(arena_, tokens_[at_++].text);
    if (current().kind == TokenKind::kString) {
      std::string joined(text);  // neighbouring literals are one
      while (current().kind == TokenKind::kString) joined += unescape(arena_, tokens_[at_++].text);
      text = arena_.keep_bytes(joined);
    }
    return text_value(text);
  } catch (Fault& fault) {
    fault.line = line;
    throw;
  }
}

Value Parser::parse_integer(const Token& token) {
  std::string digits(token.text);
  std::erase(digits, '_');
  std::string_view rest = digits;
  int base = 10;
  if (rest.size() > 2 && rest[0] == '0' && (rest[1] | 0x20) > '9') {
    const char mark = static_cast<char>(rest[1] | 0x20);
    base = mark == 'x' ? 16 : (mark == 'o' ? 8 : 2);
    rest.remove_prefix(2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (error != std::errc() || end != rest.data() + rest.size()) {
    fail(fmt::format("\"{}\" is no whole number of at most 64 bits", token.text));
  }
  return Value::of(value);
}

Value Parser::parse_float(const Token& token) {
  std::string digits(token.text);
  std::erase(digits, '_');
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size())
    fail(fmt::format("\"{}\" is no number", token.text));
  return Value::of(value);
}

bool Parser::at_tuple_end(std::string_view end_word) const {
  if (current().kind == TokenKind::kPrintEnd || current().kind == TokenKind::kBlockEnd || is_operator(")")) return true;
  return !end_word.empty() && is_word(end_word);
}

const Expr* Parser::parse_tuple(bool with_condition, bool may_be_empty, std::string_view end_word) {
  const Deeper deeper(*this);
  Expr tuple = make(ExprKind::kTuple);
  std::vector<const Expr*> items;
  bool is_tuple = false;
  while (!at_tuple_end(end_word)) {
    items.push_back(with_condition ? parse_expression() : parse_or());
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return items.front();
  if (!is_tuple && !may_be_empty) fail_unexpected("an expression");
  tuple.items = arena_.keep(items);
  return keep(tuple);
}

const Expr* Parser::parse_list() {
  Expr list = make(ExprKind::kList);
  std::vector<const Expr*> items;
  expect_operator("[");
  while (!is_operator("]")) {
    items.push_back(parse_expression());
    if (!skip_operator(",")) break;
  }
  expect_operator("]");
  list.items = arena_.keep(items);
  return keep(list);
}

const Expr* Parser::parse_dict() {
  Expr dict = make(ExprKind::kDict);
  std::vector<const Expr*> items;
  expect_operator("{");
  while (!is_operator("}")) {
    items.push_back(parse_expression());
    expect_operator(":");
    items.push_back(parse_expression());
    if (!skip_operator(",")) break;
  }
  expect_operator("}");
  dict.items = arena_.keep(items);
  return keep(dict);
}

const Expr* Parser::parse_postfix(const Expr* node) {
  for (int n = 0;; ++n) {
    if (n == kLongestChain) fail("a chain of subscripts is too long");
    if (is_operator(".")) {
      node = parse_dot(node);
    } else if (is_operator("[")) {
      node = parse_subscript(node);
    } else if (is_operator("(")) {
      Expr call = make(ExprKind::kCall);
      call.a = node;
      parse_arguments(call);
      node = keep(call);
    } else {
      return node;
    }
  }
}

const Expr* Parser::parse_dot(const Expr* node) {
  Expr part = make(ExprKind::kAttribute);
  expect_operator(".");
  part.a = node;
  if (current().kind == TokenKind::kInteger) {
    Expr index = make(ExprKind::kConst);
    index.value = parse_integer(tokens_[at_++]);
    part.kind = ExprKind::kItem;
    part.b = keep(index);
  } else {
    part.value = text_value(expect_name());
  }
  return keep(part);
}

const Expr* Parser::parse_slice_part() {
  return is_operator(":") || is_operator("]") || is_operator(",") ? nullptr : parse_expression();
}

const Expr* Parser::parse_subscript(const Expr* node) {
  Expr item = make(ExprKind::kItem);
  expect_operator("[");
  item.a = node;
  std::vector<const Expr*> parts;
  bool is_slice = false;
  while (!is_operator("]")) {
    const Expr* part = is_operator(":") ? nullptr : parse_expression();
    if (is_operator(":")) {
      is_slice = true;
      item.b = part;
      expect_operator(":");
      item.c = parse_slice_part();
      if (skip_operator(":")) item.d = parse_slice_part();
    }
    parts.push_back(part);
    if (!skip_operator(",")) break;
  }
  expect_operator("]");
  if (is_slice) {
    if (parts.size() > 1) fail("a slice stands alone in its brackets");
    item.kind = ExprKind::kSlice;
  } else if (parts.size() == 1) {
    item.b = parts.front();
  } else {
    Expr tuple = make(ExprKind::kTuple);
    tuple.items = arena_.keep(parts);
    item.b = keep(tuple);
  }
  return keep(item);
}

void Parser::parse_arguments(Expr& call) {
  const Deeper deeper(*this);
  std::vector<const Expr*> items;
  std::vector<KeywordExpr> keywords;
  expect_operator("(");
  while (!is_operator(")")) {
    if (skip_operator("**")) {
      if (call.stars != nullptr) fail("two arguments with \"**\"");
      call.stars = parse_expression();
    } else if (skip_operator("*")) {
      if (call.star != nullptr || call.stars != nullptr) fail("an argument with \"*\" stands too late");
      call.star = parse_expression();
    } else if (current().kind == TokenKind::kName && look(1).kind == TokenKind::kOperator && look(1).text == "=") {
      const std::string_view name = expect_name();
      expect_operator("=");
      keywords.push_back({name, parse_expression()});
    } else {
      if (!keywords.empty() || call.star != nullptr || call.stars != nullptr) {
        fail("a positional argument stands behind a named one");
      }
      items.push_back(parse_expression());
    }
    if (!skip_operator(",")) break;
  }
  expect_operator(")");
  call.items = arena_.keep(items);
  call.keywords = arena_.keep(keywords);
}

const Expr* Parser::parse_filters_and_tests(const Expr* node) {
  for (int n = 0;; ++n) {
    if (n == kLongestChain) fail("a chain of filters is too long");
    if (is_operator("|")) {
      node = parse_filter(node);
    } else if (is_word("is")) {
      node = parse_test(node);
    } else if (is_operator("(")) {
      Expr call = make(ExprKind::kCall);
      call.a = node;
      parse_arguments(call);
      node = keep(call);
    } else {
      return node;
    }
  }
}

const Expr* Parser::parse_filter(const Expr* subject) {
  expect_operator("|");
  Expr filter = make(ExprKind::kFilter);
  filter.a = subject;
  filter.name = expect_name();
  while (skip_operator(".")) {
    const std::string_view part = expect_name();
    filter.name = {filter.name.data(), static_cast<std::size_t>(part.data() + part.size() - filter.name.data())};
  }
  filter.filter = find_filter(filter.name);
  if (is_operator("(")) parse_arguments(filter);
  return keep(filter);
}

const Expr* Parser::parse_test(const Expr* subject) {
  ++at_;  // is
  const bool negated = skip_word("not");
  Expr test = make(ExprKind::kTest);
  test.a = subject;
  test.name = expect_name();
  test.test = find_test(test.name);
  const TokenKind next = current().kind;
  const bool starts_value = next == TokenKind::kString || next == TokenKind::kInteger || next == TokenKind::kFloat ||
                            is_operator("[") || is_operator("{") ||
                            (next == TokenKind::kName && !is_word("else") && !is_word("or") && !is_word("and"));
  if (is_operator("(")) {
    parse_arguments(test);
  } else if (starts_value) {
    if (is_word("is")) fail("tests cannot be chained with \"is\"");
    const std::vector<const Expr*> items{parse_postfix(parse_primary())};
    test.items = arena_.keep(items);
  }
  const Expr* kept = keep(test);
  return negated ? keep_pair(ExprKind::kNot, test.line, kept, nullptr) : kept;
}

}  // namespace hearth::text::jinja
