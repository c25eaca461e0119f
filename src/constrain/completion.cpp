// The shortest way to the end, in tokens: the shortest text of a state is fixed by the state alone, so the fewest
// tokens that spell it only fall along the way, and a budget that is enough once stays enough.
#include <algorithm>

#include "constrain/mask_engine.h"

namespace hearth::constrain {

namespace {

constexpr std::size_t kMostForced = 4096;

}  // namespace

/// What the shortest text of `state`, which does not accept, begins with.
MaskEngine::Symbol MaskEngine::next_of_shortest(StateId state) {
  const auto configs = automaton_.configs(state);
  const Config best = *std::ranges::min_element(configs, [&](const Config& a, const Config& b) {
    const std::uint32_t da = automaton_.distance(a), db = automaton_.distance(b);
    return da != db ? da < db : a < b;
  });
  const Op& op = automaton_.program().ops[best.op];
  if (op.kind == Op::Kind::kTokens) {
    const TokenSet& set = automaton_.program().token_sets[op.a];
    if (!set.negated) return {true, static_cast<std::uint32_t>(set.ids.front())};
    std::uint32_t token = 0;
    while (!set.takes(static_cast<Token>(token), vocabulary_->kind(static_cast<Token>(token)))) ++token;
    return {true, token};
  }
  const ByteSet& set = automaton_.program().byte_sets[op.a];
  std::uint32_t byte = 0;
  while (!set.test(byte)) ++byte;
  return {false, byte};
}

std::uint32_t MaskEngine::tokens_needed(StateId state) {
  if (const auto known = needed_.find(state); known != needed_.end()) return known->second;
  // The way on from `state`: to the end, or far enough into a way that is known that no token reaches beyond.
  std::vector<StateId> states;
  std::vector<Symbol> symbols;
  std::size_t n_known = 0;
  StateId at = state;
  while (true) {
    const bool known = n_known > 0 || needed_.contains(at);
    states.push_back(at);
    if (automaton_.distance(at) == 0 || (known && ++n_known > vocabulary_->longest())) break;
    const Symbol symbol = next_of_shortest(at);
    symbols.push_back(symbol);
    at = symbol.is_token ? after(at, static_cast<Token>(symbol.value))
                         : automaton_.step(at, static_cast<std::uint8_t>(symbol.value));
  }
  for (std::size_t i = states.size(); i-- > 0;) {
    if (needed_.contains(states[i])) continue;
    std::uint32_t best = 0;
    if (automaton_.distance(states[i]) > 0) {
      best = needed_.at(states[i + 1]) + 1;  // a byte alone, or the special token
      std::uint32_t node = 0;
      for (std::size_t j = i; j < symbols.size() && !symbols[j].is_token; ++j) {
        node = vocabulary_->child(node, static_cast<std::uint8_t>(symbols[j].value));
        if (node == 0) break;
        if (vocabulary_->all()[node].token != TokenTrie::kNoToken) best = std::min(best, needed_.at(states[j + 1]) + 1);
      }
    }
    needed_.emplace(states[i], best);
  }
  mask_bytes_ += states.size() * 32;
  return needed_.at(state);
}

std::string MaskEngine::forced_bytes(StateId state) {
  std::string forced;
  while (forced.size() < kMostForced && !automaton_.accepting(state) && !automaton_.takes_tokens(state)) {
    ByteSet possible;
    for (const Config& config : automaton_.configs(state))
      possible |= automaton_.program().byte_sets[automaton_.program().ops[config.op].a];
    if (possible.count() != 1) break;
    std::uint32_t byte = 0;
    while (!possible.test(byte)) ++byte;
    forced += static_cast<char>(byte);
    state = automaton_.step(state, static_cast<std::uint8_t>(byte));
  }
  return forced;
}

std::vector<Token> MaskEngine::forced_tokens(StateId state, std::uint32_t budget) {
  const std::string forced = forced_bytes(state);
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < forced.size() && budget > 0;) {
    std::uint32_t node = 0, longest = TokenTrie::kNoToken;
    std::size_t longest_end = at;
    std::size_t i = at;
    for (; i < forced.size(); ++i) {
      node = vocabulary_->child(node, static_cast<std::uint8_t>(forced[i]));
      if (node == 0) break;
      if (const std::uint32_t token = vocabulary_->all()[node].token; token != TokenTrie::kNoToken) {
        longest = token;
        longest_end = i + 1;
      }
    }
    // A token might reach beyond what is forced, if anything can follow: the model chooses there.
    const bool reaches_beyond = i == forced.size() && node != 0 && vocabulary_->all()[node].end > node + 1;
    if (longest == TokenTrie::kNoToken) break;
    const StateId next = after(state, static_cast<Token>(longest));
    if (next == kDead || !fits(next, budget == kUnlimited ? kUnlimited : budget - 1)) break;
    if (reaches_beyond) {
      StateId end = state;
      for (std::size_t j = at; j < forced.size(); ++j) end = automaton_.step(end, static_cast<std::uint8_t>(forced[j]));
      if (automaton_.distance(end) > 0 || !automaton_.configs(end).empty()) break;
    }
    tokens.push_back(static_cast<Token>(longest));
    state = next;
    at = longest_end;
    if (budget != kUnlimited) --budget;
  }
  return tokens;
}

}  // namespace hearth::constrain
