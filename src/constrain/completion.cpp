// The shortest way to the end, in tokens: the shortest text of a state is fixed by the state alone, so the fewest
// tokens that spell it only fall along the way, and a budget that is enough once stays enough.
#include <algorithm>

#include "constrain/mask_engine.h"

namespace hearth::constrain {

namespace {

constexpr std::size_t kMostForced = 4096;

}  // namespace

MaskEngine::ShortestStep MaskEngine::shortest_step(StateId state) {
  const auto configs = automaton_.configs(state);
  const Config best = *std::ranges::min_element(configs, [&](const Config& a, const Config& b) {
    const std::uint32_t da = automaton_.distance(a), db = automaton_.distance(b);
    return da != db ? da < db : a < b;
  });
  const Op& op = automaton_.program().ops[best.op];
  if (op.kind == Op::Kind::kTokens) {
    const TokenSet& set = automaton_.program().token_sets[op.a];
    Token token = 0;
    if (!set.negated) {
      token = set.ids.front();
    } else {
      while (!set.takes(token, vocabulary_->kind(token))) ++token;
    }
    return {true, static_cast<std::uint32_t>(token), after(state, token)};
  }
  const ByteSet& set = automaton_.program().byte_sets[op.a];
  std::uint32_t byte = 0;
  while (!set.test(byte)) ++byte;
  return {false, byte, automaton_.step(state, static_cast<std::uint8_t>(byte))};
}

MaskEngine::Completion& MaskEngine::completion(StateId state) {
  completions_.reach(state + 1u);
  return completions_[state];
}

/// Of a state whose shortest text is known, and how many tokens all states on it need.
std::uint32_t MaskEngine::fewest_tokens(StateId state) {
  StateId at = completions_[state].step.next;
  std::uint32_t fewest = completions_[at].n_tokens + 1;  // a byte alone, or the special token
  std::uint32_t node = 0;
  for (const ShortestStep* step = &completions_[state].step; !step->is_token; step = &completions_[at].step) {
    node = vocabulary_->child(node, static_cast<std::uint8_t>(step->value));
    if (node == 0) break;
    at = step->next;
    if (vocabulary_->all()[node].token != TokenTrie::kNoToken) fewest = std::min(fewest, completions_[at].n_tokens + 1);
    if (automaton_.distance(at) == 0) break;
  }
  return fewest;
}

std::uint32_t MaskEngine::tokens_needed(StateId state) {
  std::vector<StateId> way;  // to the end, or to where it is known
  for (StateId at = state; completion(at).n_tokens == Completion::kNotKnown;) {
    if (automaton_.distance(at) == 0) {
      completion(at).n_tokens = 0;
      break;
    }
    way.push_back(at);
    const ShortestStep step = shortest_step(at);
    completion(at).step = step;
    at = step.next;
  }
  for (; !way.empty(); way.pop_back()) completions_[way.back()].n_tokens = fewest_tokens(way.back());
  return completions_[state].n_tokens;
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
