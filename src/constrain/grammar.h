// The one intermediate form: every source (schema, pattern, GBNF, choices) becomes rules over bytes and special ids.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/vocabulary.h"

namespace hearth::constrain {

using ByteSet = std::bitset<256>;
using ExprId = std::uint32_t;
using RuleId = std::uint32_t;

enum class TokenKind : std::uint8_t {
  kText,     // stands for its bytes
  kSpecial,  // stands for itself; its bytes are its name
  kEnd,      // ends a reply: allowed where the constraint is fulfilled
  kUnused,   // never allowed
};

/// Tokens that are matched as a whole, whatever their bytes: `ids`, or every token but these and those that end a
/// reply.
struct TokenSet {
  std::vector<Token> ids;          // ascending once bound to a vocabulary
  std::vector<std::string> names;  // resolved when the grammar is bound to a vocabulary
  bool negated = false;
  bool special_only = false;  // negated: of special tokens only

  /// Once bound.
  [[nodiscard]] bool takes(Token token, TokenKind kind) const {
    const bool listed = std::ranges::binary_search(ids, token);
    if (!negated) return listed;
    return !listed && (kind == TokenKind::kSpecial || (kind == TokenKind::kText && !special_only));
  }
};

struct Expr {
  enum class Kind : std::uint8_t { kEmpty, kNever, kBytes, kTokens, kSeq, kAlt, kRepeat, kRule };
  static constexpr std::uint32_t kUnbounded = 0xFFFFFFFF;

  Kind kind = Kind::kEmpty;
  std::uint32_t index = 0;         // kBytes, kTokens: into the grammar's sets; kRule: the rule
  std::uint32_t min = 0, max = 0;  // kRepeat
  std::vector<ExprId> children;    // kSeq, kAlt; one for kRepeat
};

/// Rules as expressions that share parts. Building never fails; check() tells whether a cap was passed.
class Grammar {
 public:
  Grammar();

  ExprId empty() const { return 0; }
  ExprId never() const { return 1; }
  ExprId bytes(const ByteSet& set);
  ExprId byte(unsigned char value);
  ExprId byte_range(unsigned first, unsigned last);
  ExprId literal(std::string_view text);
  ExprId tokens(TokenSet set);
  ExprId seq(std::vector<ExprId> parts);
  ExprId alt(std::vector<ExprId> parts);
  ExprId repeat(ExprId body, std::uint32_t min, std::uint32_t max);
  ExprId optional(ExprId body) { return alt({body, empty()}); }
  ExprId call(RuleId rule);

  /// Takes over all rules of another grammar; its root as an expression.
  ExprId embed(const Grammar& other);

  RuleId add_rule(std::string name);
  void define(RuleId rule, ExprId expr) { rules_[rule].expr = expr; }
  void set_root(RuleId rule) { root_ = rule; }

  [[nodiscard]] const Expr& expr(ExprId id) const { return exprs_[id]; }
  [[nodiscard]] std::size_t n_exprs() const { return exprs_.size(); }
  [[nodiscard]] std::size_t n_rules() const { return rules_.size(); }
  [[nodiscard]] ExprId rule_expr(RuleId rule) const { return rules_[rule].expr; }
  [[nodiscard]] const std::string& rule_name(RuleId rule) const { return rules_[rule].name; }
  [[nodiscard]] RuleId root() const { return root_; }
  [[nodiscard]] const std::vector<ByteSet>& byte_sets() const { return byte_sets_; }
  [[nodiscard]] const std::vector<TokenSet>& token_sets() const { return token_sets_; }
  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] Status check() const;

 private:
  struct Rule {
    std::string name;
    ExprId expr = 1;
  };
  ExprId add(Expr expr);

  std::vector<Expr> exprs_;
  std::vector<Rule> rules_;
  std::vector<ByteSet> byte_sets_;
  std::vector<ExprId> expr_of_set_;
  std::vector<TokenSet> token_sets_;
  std::vector<std::size_t> set_buckets_;
  RuleId root_ = 0;
  bool full_ = false;
};

}  // namespace hearth::constrain
