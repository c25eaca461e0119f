// Tokens to a tree, by Jinja's grammar. Depth is bounded, so no source can overflow the stack.
#pragma once

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace hearth::text::jinja {

/// The variables of a template: a number for every name.
class Symbols {
 public:
  Symbol intern(std::string_view name) {
    const auto [place, is_new] = numbers_.emplace(name, static_cast<Symbol>(names_.size()));
    if (is_new) names_.push_back(name);
    return place->second;
  }
  [[nodiscard]] const Symbol* find(std::string_view name) const {
    const auto place = numbers_.find(name);
    return place == numbers_.end() ? nullptr : &place->second;
  }
  [[nodiscard]] std::string_view name(Symbol symbol) const { return names_[symbol]; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::map<std::string_view, Symbol> numbers_;
  std::vector<std::string_view> names_;
};

class Parser {
 public:
  /// The source behind `tokens` must outlive the tree.
  Parser(std::vector<Token> tokens, Arena& arena, Symbols& symbols);

  /// The whole template. Throws a Fault.
  Body parse();

 private:
  /// Counts how deep the grammar's functions call each other.
  class Deeper {
   public:
    explicit Deeper(Parser& parser);
    ~Deeper() { --parser_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Parser& parser_;
  };

  // parser_statements.cpp
  using Ends = std::span<const std::string_view>;
  Body parse_body(Ends ends);
  /// parse_body and the end of the tag that `ends` names.
  Body parse_block_body(std::string_view end);
  const Stmt* parse_tag();
  const Stmt* parse_if();
  const Stmt* parse_for();
  const Stmt* parse_set();
  const Stmt* parse_macro();
  const Stmt* parse_call_block();
  const Stmt* parse_with();
  const Stmt* parse_simple(StmtKind kind, std::string_view end);
  const Stmt* parse_filter_block();
  const Stmt* parse_loop_control(StmtKind kind);
  std::span<const Parameter> parse_parameters();
  Target parse_target(std::string_view end_word, bool with_attributes);
  Target parse_one_target(bool with_attributes);
  /// Parses a macro's body and notes which of varargs, kwargs and caller it names.
  void parse_macro_body(MacroNode& macro, std::string_view end);

  // parser_expressions.cpp
  const Expr* parse_expression();
  const Expr* parse_or();
  const Expr* parse_and();
  const Expr* parse_not();
  const Expr* parse_compare();
  const Expr* parse_sum();
  const Expr* parse_concat();
  const Expr* parse_product();
  const Expr* parse_power();
  const Expr* parse_unary();
  const Expr* parse_unary_without_filter();
  const Expr* parse_primary();
  const Expr* parse_name();
  const Expr* parse_postfix(const Expr* node);
  const Expr* parse_dot(const Expr* node);
  const Expr* parse_subscript(const Expr* node);
  const Expr* parse_slice_part();
  const Expr* parse_filters_and_tests(const Expr* node);
  /// One filter after "|"; `subject` may be null.
  const Expr* parse_filter(const Expr* subject);
  const Expr* parse_test(const Expr* subject);
  /// An expression or, where commas follow, a tuple of them.
  const Expr* parse_tuple(bool with_condition, bool may_be_empty, std::string_view end_word = {});
  const Expr* parse_list();
  const Expr* parse_dict();
  void parse_arguments(Expr& call);
  Value parse_string();
  Value parse_integer(const Token& token);
  Value parse_float(const Token& token);
  [[nodiscard]] bool at_tuple_end(std::string_view end_word) const;

  // parser.cpp
  [[nodiscard]] const Token& current() const { return tokens_[at_]; }
  [[nodiscard]] const Token& look(std::size_t n) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }
  [[nodiscard]] bool is(TokenKind kind, std::string_view text) const {
    return current().kind == kind && current().text == text;
  }
  [[nodiscard]] bool is_operator(std::string_view text) const { return is(TokenKind::kOperator, text); }
  [[nodiscard]] bool is_word(std::string_view text) const { return is(TokenKind::kName, text); }
  bool skip_operator(std::string_view text);
  bool skip_word(std::string_view text);
  void expect_operator(std::string_view text);
  void expect_block_end();
  std::string_view expect_name();
  [[noreturn]] void fail(std::string message) const;
  [[noreturn]] void fail_unexpected(std::string_view wanted) const;

  Expr make(ExprKind kind) const { return {.kind = kind, .line = current().line}; }
  const Expr* keep(const Expr& expr) { return arena_.make(expr); }
  const Expr* keep_pair(ExprKind kind, std::uint32_t line, const Expr* a, const Expr* b);
  /// A string of the template; counted now, for renderings in several threads share it.
  const Str* template_str(std::string_view text) {
    const Str* str = view_str(arena_, text, Origin::kTemplate);
    static_cast<void>(str->n_chars());
    return str;
  }
  Value text_value(std::string_view text) { return Value::of(template_str(text)); }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int n_loops_ = 0;  // that surround the current place, within its macro
  std::vector<MacroNode*> macros_;
  Arena& arena_;
  Symbols& symbols_;
};

/// The text of a string literal with Python's escapes resolved, in the arena. Throws a Fault without a line.
std::string_view unescape(Arena& arena, std::string_view literal);

}  // namespace hearth::text::jinja
