// Building expressions: trivial cases are folded here, so that no source has to think about them.
#include "constrain/grammar.h"

#include <fmt/format.h>

#include <algorithm>

#include "constrain/limits.h"

namespace hearth::constrain {

Grammar::Grammar() {
  exprs_.push_back({.kind = Expr::Kind::kEmpty});
  exprs_.push_back({.kind = Expr::Kind::kNever});
}

ExprId Grammar::add(Expr expr) {
  if (exprs_.size() >= kMaxExprs) {
    full_ = true;
    return never();
  }
  exprs_.push_back(std::move(expr));
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId Grammar::bytes(const ByteSet& set) {
  if (set.none()) return never();
  constexpr std::size_t kBuckets = 1024;
  // Equal sets are one expression: a table of first entries per hash, then a scan of what follows in the same bucket.
  if (set_buckets_.empty()) set_buckets_.assign(kBuckets, SIZE_MAX);
  const std::size_t bucket = std::hash<ByteSet>{}(set) % kBuckets;
  if (const std::size_t known = set_buckets_[bucket]; known != SIZE_MAX && byte_sets_[known] == set) {
    return expr_of_set_[known];
  }
  Expr expr{.kind = Expr::Kind::kBytes};
  expr.index = static_cast<std::uint32_t>(byte_sets_.size());
  const ExprId id = add(std::move(expr));
  if (id == never()) return id;
  byte_sets_.push_back(set);
  expr_of_set_.push_back(id);
  set_buckets_[bucket] = byte_sets_.size() - 1;
  return id;
}

ExprId Grammar::byte(unsigned char value) {
  ByteSet set;
  set.set(value);
  return bytes(set);
}

ExprId Grammar::byte_range(unsigned first, unsigned last) {
  ByteSet set;
  for (unsigned value = first; value <= last; ++value) set.set(value);
  return bytes(set);
}

ExprId Grammar::literal(std::string_view text) {
  std::vector<ExprId> parts;
  for (const char c : text) parts.push_back(byte(static_cast<unsigned char>(c)));
  return seq(std::move(parts));
}

ExprId Grammar::tokens(TokenSet set) {
  Expr expr{.kind = Expr::Kind::kTokens};
  expr.index = static_cast<std::uint32_t>(token_sets_.size());
  token_sets_.push_back(std::move(set));
  return add(std::move(expr));
}

ExprId Grammar::seq(std::vector<ExprId> parts) {
  if (std::ranges::find(parts, never()) != parts.end()) return never();
  std::erase(parts, empty());
  if (parts.empty()) return empty();
  if (parts.size() == 1) return parts[0];
  Expr expr{.kind = Expr::Kind::kSeq};
  expr.children = std::move(parts);
  return add(std::move(expr));
}

ExprId Grammar::alt(std::vector<ExprId> parts) {
  std::erase(parts, never());
  if (parts.empty()) return never();
  if (parts.size() == 1) return parts[0];
  Expr expr{.kind = Expr::Kind::kAlt};
  expr.children = std::move(parts);
  return add(std::move(expr));
}

ExprId Grammar::repeat(ExprId body, std::uint32_t min, std::uint32_t max) {
  if (max == 0 || body == empty()) return empty();
  if (body == never()) return min == 0 ? empty() : never();
  if (min == 1 && max == 1) return body;
  Expr expr{.kind = Expr::Kind::kRepeat};
  expr.min = min;
  expr.max = max;
  expr.children = {body};
  return add(std::move(expr));
}

ExprId Grammar::call(RuleId rule) {
  Expr expr{.kind = Expr::Kind::kRule};
  expr.index = rule;
  return add(std::move(expr));
}

ExprId Grammar::embed(const Grammar& other) {
  const auto first_rule = static_cast<RuleId>(rules_.size());
  for (const Rule& rule : other.rules_) add_rule(rule.name);
  std::vector<ExprId> here = {empty(), never()};
  for (std::size_t id = here.size(); id < other.exprs_.size(); ++id) {  // parts come before what they are parts of
    Expr expr = other.exprs_[id];
    for (ExprId& child : expr.children) child = here[child];
    switch (expr.kind) {
      case Expr::Kind::kBytes: here.push_back(bytes(other.byte_sets_[expr.index])); break;
      case Expr::Kind::kTokens: here.push_back(tokens(other.token_sets_[expr.index])); break;
      case Expr::Kind::kRule: here.push_back(call(first_rule + expr.index)); break;
      default: here.push_back(add(std::move(expr)));
    }
  }
  for (std::size_t i = 0; i < other.rules_.size(); ++i)
    define(first_rule + static_cast<RuleId>(i), here[other.rules_[i].expr]);
  return call(first_rule + other.root_);
}

RuleId Grammar::add_rule(std::string name) {
  rules_.push_back({std::move(name), never()});
  if (rules_.size() > kMaxExprs) full_ = true;
  return static_cast<RuleId>(rules_.size() - 1);
}

Status Grammar::check() const {
  if (!full_) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("compiling the constraint: it expands to more than {} parts; use fewer alternatives, shorter "
                          "patterns or smaller counts",
                          kMaxExprs));
}

}  // namespace hearth::constrain
