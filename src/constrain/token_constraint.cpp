// Binding a grammar to a vocabulary, and the values that sequences carry.
#include "constrain/token_constraint.h"

#include <fmt/format.h>

#include <algorithm>

#include "constrain/limits.h"
#include "constrain/mask_engine.h"

namespace hearth::constrain {

namespace {

Result<std::vector<TokenSet>> resolved(const Grammar& grammar, const TokenTrie& vocabulary) {
  std::vector<TokenSet> sets = grammar.token_sets();
  for (TokenSet& set : sets) {
    for (const std::string& name : set.names) {
      const auto token = vocabulary.special(name);
      if (!token) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("binding the constraint to the vocabulary: it names the special token \"{}\", which this "
                        "model does not have",
                        name));
      }
      set.ids.push_back(*token);
    }
    for (const Token token : set.ids) {
      if (token >= 0 && static_cast<std::size_t>(token) < vocabulary.vocab_size()) continue;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("binding the constraint to the vocabulary: it names token {}, but there are {}", token,
                              vocabulary.vocab_size()));
    }
    set.names.clear();
    std::ranges::sort(set.ids);
    // The end of a reply is not part of the text, and unused tokens are never allowed.
    std::erase_if(set.ids, [&](Token token) { return vocabulary.kind(token) > TokenKind::kSpecial; });
  }
  return sets;
}

}  // namespace

Result<std::shared_ptr<const TokenConstraint>> TokenConstraint::bind(const Constraint& constraint,
                                                                     std::shared_ptr<const TokenTrie> vocabulary) {
  HEARTH_TRY(auto sets, resolved(constraint.grammar(), *vocabulary));
  std::shared_ptr<TokenConstraint> bound(new TokenConstraint);
  HEARTH_TRY(bound->program_, compile(constraint.grammar(), vocabulary->single_bytes(), std::move(sets)));
  bound->vocabulary_ = std::move(vocabulary);
  bound->engine_ = std::make_shared<MaskEngine>(bound->program_, bound->vocabulary_);
  return std::shared_ptr<const TokenConstraint>(std::move(bound));
}

std::shared_ptr<MaskEngine> TokenConstraint::engine() const {
  const std::lock_guard lock(mutex_);
  return engine_;
}

std::shared_ptr<MaskEngine> TokenConstraint::engine_after(const std::shared_ptr<MaskEngine>& full) const {
  const std::lock_guard lock(mutex_);
  if (engine_ == full) engine_ = std::make_shared<MaskEngine>(program_, vocabulary_);
  return engine_;
}

std::size_t TokenConstraint::n_bytes() const {
  const auto engine = this->engine();
  const std::lock_guard lock(engine->mutex());
  return engine->n_bytes();
}

std::uint32_t TokenConstraint::minimum_tokens() const {
  const auto engine = this->engine();
  const std::lock_guard lock(engine->mutex());
  return engine->tokens_needed(engine->automaton().start());
}

Result<ConstraintState> TokenConstraint::start(std::optional<std::uint32_t> token_budget) const {
  const auto engine = this->engine();
  const std::lock_guard lock(engine->mutex());
  const StateId state = engine->automaton().start();
  if (token_budget && !engine->fits(state, *token_budget)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("starting a constrained reply: budget {} < minimum {}; raise max_tokens to at least {}",
                            *token_budget, engine->tokens_needed(state), engine->tokens_needed(state)));
  }
  return ConstraintState(shared_from_this(), engine, state, token_budget);
}

Status ConstraintState::advance(Token token) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("advancing a constrained reply: token {} {}", token, why));
  };
  const TokenTrie& vocabulary = owner_->vocabulary();
  if (token < 0 || static_cast<std::size_t>(token) >= vocabulary.vocab_size())
    return refuse("is not in the vocabulary");
  if (finished_) return refuse("comes after the end");
  // Where memory is up, go on in a new automaton; others that still use the old one keep it alive.
  std::shared_ptr<MaskEngine> engine = engine_;
  {
    const std::lock_guard lock(engine->mutex());
    if (engine->n_bytes() > kMaxAutomatonBytes) {
      const auto next = owner_->engine_after(engine);
      if (next != engine) {
        const std::lock_guard next_lock(next->mutex());
        state_ = next->automaton().adopt(engine->automaton(), state_);
        engine_ = next;
      }
    }
  }
  const std::lock_guard lock(engine_->mutex());
  if (vocabulary.kind(token) == TokenKind::kEnd) {
    if (!engine_->automaton().accepting(state_)) return refuse("ends the reply before the constraint is fulfilled");
    finished_ = true;
    return {};
  }
  const StateId next = engine_->after(state_, token);
  if (next == kDead) return refuse("is not allowed here");
  if (budget_left_ && (*budget_left_ == 0 || !engine_->fits(next, *budget_left_ - 1)))
    return refuse("leaves too little of the budget to fulfil the constraint");
  state_ = next;
  if (budget_left_) --*budget_left_;
  return {};
}

void ConstraintState::mask(std::span<std::uint64_t> words) const {
  if (finished_) {
    std::ranges::fill(words, 0);
    return;
  }
  const std::lock_guard lock(engine_->mutex());
  engine_->fill(state_, budget_left_.value_or(MaskEngine::kUnlimited), words);
}

bool ConstraintState::accepting() const {
  const std::lock_guard lock(engine_->mutex());
  return engine_->automaton().accepting(state_);
}

bool ConstraintState::complete() const {
  const std::lock_guard lock(engine_->mutex());
  return finished_ || engine_->automaton().configs(state_).empty();
}

std::uint32_t ConstraintState::tokens_needed() const {
  const std::lock_guard lock(engine_->mutex());
  return engine_->tokens_needed(state_);
}

std::string ConstraintState::forced_bytes() const {
  const std::lock_guard lock(engine_->mutex());
  return finished_ ? std::string() : engine_->forced_bytes(state_);
}

std::vector<Token> ConstraintState::forced_tokens() const {
  const std::lock_guard lock(engine_->mutex());
  if (finished_) return {};
  return engine_->forced_tokens(state_, budget_left_.value_or(MaskEngine::kUnlimited));
}

}  // namespace hearth::constrain
