// A constraint bound to a vocabulary: which tokens may come next, which must, and how many it still takes to be done.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "constrain/automaton.h"
#include "constrain/constraint.h"
#include "constrain/token_trie.h"

namespace hearth::constrain {

class ConstraintState;
class MaskEngine;

/// Immutable to its users and safe to share between threads and sequences, which also share what it learns.
class TokenConstraint : public std::enable_shared_from_this<TokenConstraint> {
 public:
  static Result<std::shared_ptr<const TokenConstraint>> bind(const Constraint& constraint,
                                                             std::shared_ptr<const TokenTrie> vocabulary);

  /// Refuses a budget below minimum_tokens().
  [[nodiscard]] Result<ConstraintState> start(std::optional<std::uint32_t> token_budget = std::nullopt) const;
  /// A number of tokens that is proven to be enough for an output; the one that ends the reply is not counted.
  [[nodiscard]] std::uint32_t minimum_tokens() const;
  [[nodiscard]] const TokenTrie& vocabulary() const { return *vocabulary_; }
  /// What it has learned takes, about.
  [[nodiscard]] std::size_t n_bytes() const;

 private:
  friend class ConstraintState;
  TokenConstraint() = default;
  [[nodiscard]] std::shared_ptr<MaskEngine> engine() const;
  /// One with room: `full` if it has, else a new one.
  [[nodiscard]] std::shared_ptr<MaskEngine> engine_after(const std::shared_ptr<MaskEngine>& full) const;

  std::shared_ptr<const Program> program_;
  std::shared_ptr<const TokenTrie> vocabulary_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<MaskEngine> engine_;
};

/// Where one sequence stands. A value: copying is cheap, copies go on independently (forks, speculation).
/// Const calls on one object may run in parallel.
class ConstraintState {
 public:
  /// Refuses a token that mask() does not allow, and changes nothing then.
  Status advance(Token token);
  /// Sets bit t % 64 of word t / 64 for every token t that may come next, and clears the others.
  /// With a budget, only tokens after which the rest of the budget is proven to be enough.
  void mask(std::span<std::uint64_t> words) const;

  /// The text so far fulfils the constraint.
  [[nodiscard]] bool accepting() const;
  /// A token that ends a reply was taken.
  [[nodiscard]] bool finished() const { return finished_; }
  /// No text can follow: only the end is left.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] std::optional<std::uint32_t> budget_left() const { return budget_left_; }
  /// A number of tokens that is proven to be enough from here to an accepting state.
  [[nodiscard]] std::uint32_t tokens_needed() const;
  /// The bytes that every continuation begins with.
  [[nodiscard]] std::string forced_bytes() const;
  /// Tokens that spell forced bytes, as long as none could also reach beyond them: they need no evaluation each.
  [[nodiscard]] std::vector<Token> forced_tokens() const;

 private:
  friend class TokenConstraint;
  ConstraintState(std::shared_ptr<const TokenConstraint> owner, std::shared_ptr<MaskEngine> engine, StateId state,
                  std::optional<std::uint32_t> budget)
      : owner_(std::move(owner)), engine_(std::move(engine)), state_(state), budget_left_(budget) {}

  std::shared_ptr<const TokenConstraint> owner_;
  std::shared_ptr<MaskEngine> engine_;
  StateId state_ = kDead;
  bool finished_ = false;
  std::optional<std::uint32_t> budget_left_;
};

}  // namespace hearth::constrain
