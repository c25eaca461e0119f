// Tags: what stands between {% and %}, with the bodies that they enclose.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/jinja/library.h"
#include "text/jinja/parser.h"

namespace hearth::text::jinja {

namespace {

constexpr std::string_view kNoEnds[] = {""};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

Body Parser::parse() {
  const Body body = parse_body(kNoEnds);
  if (current().kind != TokenKind::kEnd) fail(fmt::format("\"{}\" closes nothing", look(1).text));
  return body;
}

/// Up to a tag whose word is one of `ends`, which stays current; to the end of the template for kNoEnds.
Body Parser::parse_body(Ends ends) {
  std::vector<const Stmt*> body;
  for (;;) {
    const Token& token = current();
    if (token.kind == TokenKind::kText) {
      body.push_back(arena_.make(Stmt{.kind = StmtKind::kText, .line = token.line, .text = template_str(token.text)}));
      ++at_;
    } else if (token.kind == TokenKind::kPrintBegin) {
      Stmt print{.kind = StmtKind::kPrint, .line = token.line};
      ++at_;
      print.expr = parse_tuple(true, false);
      if (current().kind != TokenKind::kPrintEnd) fail_unexpected("\"}}\"");
      ++at_;
      body.push_back(arena_.make(print));
    } else if (token.kind == TokenKind::kBlockBegin) {
      const std::string_view word = look(1).text;
      if (is_one_of(word, ends) || (ends.data() == kNoEnds && word.starts_with("end"))) break;
      ++at_;
      body.push_back(parse_tag());
    } else {
      if (ends.data() != kNoEnds) fail(fmt::format("\"{{% {} %}}\" is missing", ends.back()));
      break;
    }
  }
  return arena_.keep(body);
}

Body Parser::parse_block_body(std::string_view end) {
  expect_block_end();
  const Body body = parse_body({&end, 1});
  at_ += 2;  // the opening of the tag and its word
  return body;
}

const Stmt* Parser::parse_tag() {
  const Deeper deeper(*this);
  Stmt stmt{.kind = StmtKind::kScope, .line = current().line};
  const std::string_view word = expect_name();
  const Stmt* parsed = nullptr;
  if (word == "if") parsed = parse_if();
  if (word == "for") parsed = parse_for();
  if (word == "set") parsed = parse_set();
  if (word == "macro") parsed = parse_macro();
  if (word == "call") parsed = parse_call_block();
  if (word == "with") parsed = parse_with();
  if (word == "filter") parsed = parse_filter_block();
  if (word == "break") parsed = parse_loop_control(StmtKind::kBreak);
  if (word == "continue") parsed = parse_loop_control(StmtKind::kContinue);
  if (word == "generation") parsed = parse_simple(StmtKind::kGeneration, "endgeneration");
  if (word == "block") parsed = parse_simple(StmtKind::kBlock, "endblock");
  if (word == "autoescape") parsed = parse_simple(StmtKind::kScope, "endautoescape");
  if (word == "print") {
    stmt.kind = StmtKind::kPrint;
    Expr all = make(ExprKind::kConcat);
    std::vector<const Expr*> items;
    do items.push_back(parse_expression());
    while (skip_operator(","));
    all.items = arena_.keep(items);
    stmt.expr = keep(all);
    parsed = arena_.make(stmt);
  }
  if (parsed == nullptr) {
    --at_;
    if (is_one_of(word, std::array<std::string_view, 4>{"include", "import", "from", "extends"})) {
      fail(fmt::format("the tag \"{}\" reads other files, which chat templates may not", word));
    }
    fail(fmt::format("there is no tag \"{}\"", word.substr(0, 40)));
  }
  expect_block_end();
  return parsed;
}

const Stmt* Parser::parse_if() {
  static constexpr std::array<std::string_view, 3> kEnds = {"elif", "else", "endif"};
  Stmt stmt{.kind = StmtKind::kIf, .line = current().line};
  std::vector<Branch> branches;
  for (;;) {
    const Expr* condition = parse_tuple(false, false);
    expect_block_end();
    const Body body = parse_body(kEnds);
    branches.push_back({condition, body});
    const std::string_view word = look(1).text;
    at_ += 2;
    if (word == "elif") continue;
    if (word == "else") stmt.otherwise = parse_block_body("endif");
    break;
  }
  stmt.branches = arena_.keep(branches);
  return arena_.make(stmt);
}

const Stmt* Parser::parse_for() {
  static constexpr std::array<std::string_view, 2> kEnds = {"else", "endfor"};
  Stmt stmt{.kind = StmtKind::kFor, .line = current().line};
  stmt.target = parse_target("in", false);
  if (!skip_word("in")) fail_unexpected("\"in\"");
  stmt.expr = parse_tuple(false, false, "recursive");
  if (skip_word("if")) stmt.condition = parse_expression();
  stmt.recursive = skip_word("recursive");
  expect_block_end();
  ++n_loops_;
  stmt.body = parse_body(kEnds);
  --n_loops_;
  const bool has_else = look(1).text == "else";
  at_ += 2;
  if (has_else) stmt.otherwise = parse_block_body("endfor");
  return arena_.make(stmt);
}

const Stmt* Parser::parse_set() {
  Stmt stmt{.kind = StmtKind::kSet, .line = current().line};
  stmt.target = parse_target({}, true);
  if (skip_operator("=")) {
    stmt.expr = parse_tuple(true, false);
    return arena_.make(stmt);
  }
  stmt.kind = StmtKind::kSetBlock;
  while (is_operator("|")) stmt.expr = parse_filter(stmt.expr);
  stmt.body = parse_block_body("endset");
  return arena_.make(stmt);
}

Target Parser::parse_one_target(bool with_attributes) {
  const Deeper deeper(*this);
  Target target;
  if (skip_operator("(")) {
    target = parse_target({}, with_attributes);
    expect_operator(")");
    return target;
  }
  target.name = expect_name();
  if (is_one_of(target.name, std::array<std::string_view, 6>{"true", "false", "none", "True", "False", "None"})) {
    fail(fmt::format("\"{}\" cannot be assigned to", target.name));
  }
  target.symbol = symbols_.intern(target.name);
  if (with_attributes && skip_operator(".")) {
    target.kind = Target::Kind::kAttribute;
    target.attribute = text_value(expect_name());
  }
  return target;
}

Target Parser::parse_target(std::string_view end_word, bool with_attributes) {
  std::vector<Target> items;
  bool is_tuple = false;
  do {
    if (!items.empty() && (at_tuple_end(end_word) || is_operator("="))) break;
    items.push_back(parse_one_target(with_attributes));
    if (is_operator(",")) is_tuple = true;
  } while (skip_operator(","));
  if (!is_tuple) return items.front();
  return {.kind = Target::Kind::kTuple, .items = arena_.keep(items)};
}

std::span<const Parameter> Parser::parse_parameters() {
  std::vector<Parameter> parameters;
  expect_operator("(");
  while (!is_operator(")")) {
    Parameter parameter{.name = expect_name()};
    parameter.symbol = symbols_.intern(parameter.name);
    if (skip_operator("=")) {
      parameter.fallback = parse_expression();
    } else if (!parameters.empty() && parameters.back().fallback != nullptr) {
      fail(fmt::format("the parameter \"{}\" without a default follows one with a default", parameter.name));
    }
    parameters.push_back(parameter);
    if (!skip_operator(",")) break;
  }
  expect_operator(")");
  return arena_.keep(parameters);
}

void Parser::parse_macro_body(MacroNode& macro, std::string_view end) {
  const int n_loops = std::exchange(n_loops_, 0);  // break does not leave a macro
  macros_.push_back(&macro);
  macro.body = parse_block_body(end);
  macros_.pop_back();
  n_loops_ = n_loops;
  // What a macro inside uses, it may take from the one around it.
  if (macros_.empty()) return;
  MacroNode& outer = *macros_.back();
  outer.uses_varargs = outer.uses_varargs || macro.uses_varargs;
  outer.uses_kwargs = outer.uses_kwargs || macro.uses_kwargs;
  outer.uses_caller = outer.uses_caller || macro.uses_caller;
}

const Stmt* Parser::parse_macro() {
  Stmt stmt{.kind = StmtKind::kMacro, .line = current().line};
  MacroNode macro{.name = expect_name()};
  macro.symbol = symbols_.intern(macro.name);
  macro.parameters = parse_parameters();
  parse_macro_body(macro, "endmacro");
  stmt.macro = arena_.make(macro);
  return arena_.make(stmt);
}

const Stmt* Parser::parse_call_block() {
  Stmt stmt{.kind = StmtKind::kCallBlock, .line = current().line};
  MacroNode caller{.name = "caller", .symbol = symbols_.intern("caller")};
  if (is_operator("(")) caller.parameters = parse_parameters();
  stmt.expr = parse_expression();
  if (stmt.expr->kind != ExprKind::kCall) fail("a call block needs a call, such as {% call name() %}");
  parse_macro_body(caller, "endcall");
  stmt.macro = arena_.make(caller);
  return arena_.make(stmt);
}

const Stmt* Parser::parse_with() {
  Stmt stmt{.kind = StmtKind::kWith, .line = current().line};
  std::vector<Assignment> assignments;
  while (current().kind != TokenKind::kBlockEnd) {
    if (!assignments.empty()) expect_operator(",");
    Assignment assignment{.target = parse_one_target(false)};
    expect_operator("=");
    assignment.value = parse_expression();
    assignments.push_back(assignment);
  }
  stmt.assignments = arena_.keep(assignments);
  stmt.body = parse_block_body("endwith");
  return arena_.make(stmt);
}

/// block NAME, generation, autoescape VALUE: the body alone counts.
const Stmt* Parser::parse_simple(StmtKind kind, std::string_view end) {
  Stmt stmt{.kind = kind, .line = current().line};
  if (kind == StmtKind::kScope) {
    const Expr* value = parse_expression();
    if (value->kind != ExprKind::kConst || is_true(value->value)) fail("only {% autoescape false %} is supported");
  }
  if (kind == StmtKind::kBlock) {
    expect_name();
    if (skip_word("scoped")) stmt.kind = StmtKind::kScope;
  }
  stmt.body = parse_block_body(end);
  if (kind == StmtKind::kBlock && current().kind == TokenKind::kName) ++at_;  // {% endblock name %}
  return arena_.make(stmt);
}

const Stmt* Parser::parse_filter_block() {
  Stmt stmt{.kind = StmtKind::kFilterBlock, .line = current().line};
  // The first filter stands without a bar.
  Expr filter{.kind = ExprKind::kFilter, .line = current().line};
  filter.name = expect_name();
  filter.filter = find_filter(filter.name);
  if (is_operator("(")) parse_arguments(filter);
  stmt.expr = keep(filter);
  while (is_operator("|")) stmt.expr = parse_filter(stmt.expr);
  stmt.body = parse_block_body("endfilter");
  return arena_.make(stmt);
}

const Stmt* Parser::parse_loop_control(StmtKind kind) {
  if (n_loops_ == 0) fail(fmt::format("\"{}\" outside of a loop", kind == StmtKind::kBreak ? "break" : "continue"));
  return arena_.make(Stmt{.kind = kind, .line = current().line});
}

}  // namespace hearth::text::jinja
