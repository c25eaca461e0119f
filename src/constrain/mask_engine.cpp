// Walking the vocabulary's tree beside the automaton. Most of a mask depends on the top of the stack only; that part is
// kept per relative state, and only the tokens that leave the top frame are looked at for each stack.
#include "constrain/mask_engine.h"

#include <algorithm>

#include "constrain/limits.h"

namespace hearth::constrain {

namespace {

void set_bit(std::span<std::uint64_t> words, std::uint32_t token) { words[token / 64] |= 1ull << (token % 64); }

/// Bytes that begin or continue a plain character.
const ByteSet& plain_bytes() {
  static const ByteSet set = [] {
    ByteSet plain = plain_ascii();
    for (unsigned value = 0x80; value < 256; ++value) plain.set(value);
    return plain;
  }();
  return set;
}

}  // namespace

MaskEngine::MaskEngine(std::shared_ptr<const Program> program, std::shared_ptr<const TokenTrie> vocabulary)
    : vocabulary_(std::move(vocabulary)),
      automaton_(std::move(program), vocabulary_->longest()),
      path_(vocabulary_->longest() + 2) {}

template <typename Visit>
void MaskEngine::walk(std::span<const TokenTrie::Node> nodes, std::uint32_t root, StateId from, Visit visit) {
  path_[nodes[root].depth] = from;
  const std::uint32_t end = nodes[root].end;
  for (std::uint32_t i = root + 1; i < end;) {
    const TokenTrie::Node& node = nodes[i];
    const StateId state = automaton_.step(path_[node.depth - 1u], node.byte);
    if (state == kDead) {
      i = node.end;
      continue;
    }
    path_[node.depth] = state;
    visit(i, node, state);
    ++i;
  }
}

/// Tokens that the state takes as a whole.
template <typename Visit>
void MaskEngine::visit_special(StateId state, Visit visit) {
  if (!automaton_.takes_tokens(state)) return;
  const std::vector<Config> configs(automaton_.configs(state).begin(), automaton_.configs(state).end());
  for (const Config& config : configs) {
    const Op& op = automaton_.program().ops[config.op];
    if (op.kind != Op::Kind::kTokens) continue;
    const TokenSet& set = automaton_.program().token_sets[op.a];
    if (!set.negated) {
      for (const Token token : set.ids) visit(static_cast<std::uint32_t>(token), config);
      continue;
    }
    for (std::size_t token = 0; token < vocabulary_->vocab_size(); ++token)
      if (set.takes(static_cast<Token>(token), vocabulary_->kind(static_cast<Token>(token))))
        visit(static_cast<std::uint32_t>(token), config);
  }
}

bool MaskEngine::takes_plain(StateId state) {
  if (automaton_.returns(state)) return true;  // what follows is not known here
  return std::ranges::any_of(automaton_.configs(state), [&](const Config& config) {
    const Op& op = automaton_.program().ops[config.op];
    return op.kind == Op::Kind::kBytes && (automaton_.program().byte_sets[op.a] & plain_bytes()).any();
  });
}

/// Sets mask.plain to n if exactly the plain tokens of up to n characters are allowed (or all of them, for the most).
void MaskEngine::find_plain(StateId state, LocalMask& mask) {
  const std::vector<Config> configs(automaton_.configs(state).begin(), automaton_.configs(state).end());
  const Config* counted = nullptr;
  for (const Config& config : configs) {
    const Op& op = automaton_.program().ops[config.op];
    if (op.kind != Op::Kind::kBytes || op.text_loop == TextLoop::kNone) continue;
    std::uint32_t n = vocabulary_->most_plain();
    if (op.text_loop == TextLoop::kCounted) n = std::min(n, automaton_.iterations_left(config.frame));
    if (n <= mask.plain) continue;
    mask.plain = n;
    mask.plain_distance = automaton_.distance(config);
    counted = &config;
  }
  if (counted == nullptr || mask.plain == vocabulary_->most_plain()) return;
  // Longer plain tokens must be impossible: nothing beside and nothing behind the repetition may take their bytes.
  bool alone = !takes_plain(automaton_.after_repetition(counted->frame));
  for (const Config& config : configs) {
    const Op& op = automaton_.program().ops[config.op];
    if (config.frame != counted->frame && op.kind == Op::Kind::kBytes)
      alone &= (automaton_.program().byte_sets[op.a] & plain_bytes()).none();
  }
  if (!alone) mask.plain = 0;
}

std::shared_ptr<const MaskEngine::LocalMask> MaskEngine::local_mask(StateId state) {
  if (const auto known = local_.find(state); known != local_.end()) return known->second;
  auto mask = std::make_shared<LocalMask>();
  find_plain(state, *mask);
  if (mask->plain > 0) mask->farthest = mask->plain_distance;
  const auto nodes = mask->plain > 0 ? vocabulary_->rest() : vocabulary_->all();
  mask->depth = automaton_.depth(state);
  mask->truncated = automaton_.truncated(state);
  walk(nodes, 0, state, [&](std::uint32_t i, const TokenTrie::Node& node, StateId at) {
    mask->depth = std::max(mask->depth, automaton_.depth(at));
    mask->truncated |= automaton_.truncated(at);
    if (automaton_.returns(at)) {
      if (node.end > i + 1) mask->open.push_back(i);
      mask->ends_at_return |= node.token != TokenTrie::kNoToken;
    }
    for (std::uint32_t token = node.token; token != TokenTrie::kNoToken; token = vocabulary_->next_same(token)) {
      mask->tokens.push_back(token);
      if (!automaton_.returns(at)) mask->farthest = std::max(mask->farthest, automaton_.distance(at));
    }
  });
  visit_special(state, [&](std::uint32_t token, const Config& config) {
    mask->tokens.push_back(token);
    mask->farthest = std::max(mask->farthest, automaton_.distance(config));
  });
  if (mask->tokens.size() > vocabulary_->mask_words() * 2) {
    mask->bits.assign(vocabulary_->mask_words(), 0);
    for (const std::uint32_t token : mask->tokens) set_bit(mask->bits, token);
    mask->tokens = {};
  }
  mask->tokens.shrink_to_fit();
  mask_bytes_ += sizeof(LocalMask) + 4 * (mask->tokens.size() + mask->open.size()) + 8 * mask->bits.size();
  local_.emplace(state, mask);
  return mask;
}

const MaskEngine::Mask& MaskEngine::mask_of(StateId state) {
  if (const auto known = masks_.find(state); known != masks_.end()) return known->second;
  Mask mask;
  const Automaton::Relative relative = automaton_.relative(state);
  mask.local = local_mask(relative.state);
  // A reading that was cut off, or a stack near the deepest: then the whole stack decides.
  const bool whole = relative.below != kRootFrame &&
                     (mask.local->truncated || automaton_.frame_depth(relative.below) + mask.local->depth > kMaxStackDepth);
  if (whole) mask.local = local_mask(state);
  mask.farthest = mask.local->farthest;
  if (relative.below != kRootFrame && !whole) {
    mask.farthest = std::min<std::uint64_t>(std::uint64_t{mask.farthest} + automaton_.frame_distance(relative.below),
                                            Distance::kNever - 1);
    const StateId behind = automaton_.after_return(relative.below);
    if (mask.local->ends_at_return) mask.farthest = std::max(mask.farthest, automaton_.distance(behind));
    const auto nodes = mask.local->plain > 0 ? vocabulary_->rest() : vocabulary_->all();
    for (const std::uint32_t root : mask.local->open) {
      walk(nodes, root, behind, [&](std::uint32_t, const TokenTrie::Node& node, StateId at) {
        for (std::uint32_t token = node.token; token != TokenTrie::kNoToken; token = vocabulary_->next_same(token)) {
          mask.tokens.push_back(token);
          mask.farthest = std::max(mask.farthest, automaton_.distance(at));
        }
      });
    }
    mask.tokens.shrink_to_fit();
  }
  mask_bytes_ += sizeof(Mask) + 64 + 4 * mask.tokens.size();
  return masks_.emplace(state, std::move(mask)).first->second;
}

StateId MaskEngine::after(StateId state, Token token) {
  const TokenKind kind = vocabulary_->kind(token);
  if (kind != TokenKind::kText && kind != TokenKind::kSpecial) return kDead;
  const StateId whole = automaton_.step_token(state, token, kind);
  if (kind == TokenKind::kSpecial) return whole;
  for (const char c : vocabulary_->bytes(token)) state = automaton_.step(state, static_cast<std::uint8_t>(c));
  return automaton_.unite(state, whole);
}

void MaskEngine::fill(StateId state, std::uint32_t budget, std::span<std::uint64_t> words) {
  std::ranges::fill(words, 0);
  if (automaton_.accepting(state))
    for (const Token token : vocabulary_->end_tokens()) set_bit(words, static_cast<std::uint32_t>(token));
  if (budget == 0) return;
  const Mask& mask = mask_of(state);
  if (budget != kUnlimited && mask.farthest > budget - 1) {
    fill_within(state, budget, words);
    return;
  }
  const auto add = [&](std::span<const std::uint64_t> more) {
    for (std::size_t i = 0; i < more.size(); ++i) words[i] |= more[i];
  };
  if (mask.local->plain > 0) add(vocabulary_->plain_up_to(mask.local->plain));
  add(mask.local->bits);
  for (const std::uint32_t token : mask.local->tokens) set_bit(words, token);
  for (const std::uint32_t token : mask.tokens) set_bit(words, token);
}

/// How many plain characters fit `n_left` further tokens whatever they are; 0 where each token must be looked at.
std::uint32_t MaskEngine::plain_within(StateId state, const Mask& mask, std::uint32_t n_left) {
  if (mask.local->plain == 0) return 0;
  std::uint32_t distance = 0;
  for (const Config& config : automaton_.configs(state))
    if (automaton_.program().ops[config.op].text_loop != TextLoop::kNone)
      distance = std::max(distance, automaton_.distance(config));
  if (distance <= n_left) return mask.local->plain;
  // A loop that comes back to this very state needs what this state needs.
  const bool same = automaton_.step(state, 'a') == state && automaton_.step(state, ' ') == state;
  return mask.local->plain == vocabulary_->most_plain() && same && fits(state, n_left) ? mask.local->plain : 0;
}

/// The mask where not every token leaves enough budget.
void MaskEngine::fill_within(StateId state, std::uint32_t budget, std::span<std::uint64_t> words) {
  const std::uint32_t n_left = budget - 1;
  const std::uint32_t plain = plain_within(state, mask_of(state), n_left);
  if (plain > 0) {
    const auto more = vocabulary_->plain_up_to(plain);
    for (std::size_t i = 0; i < more.size(); ++i) words[i] |= more[i];
  }
  if (automaton_.takes_tokens(state)) {
    visit_special(state, [&](std::uint32_t token, const Config&) {
      if (fits(after(state, static_cast<Token>(token)), n_left)) set_bit(words, token);
    });
  }
  walk(plain > 0 ? vocabulary_->rest() : vocabulary_->all(), 0, state,
       [&](std::uint32_t, const TokenTrie::Node& node, StateId at) {
         if (node.token == TokenTrie::kNoToken) return;
         // A token that can also be taken as a whole is judged by both readings together.
         if (automaton_.takes_tokens(state)) at = after(state, static_cast<Token>(node.token));
         if (!fits(at, n_left)) return;
         for (std::uint32_t token = node.token; token != TokenTrie::kNoToken; token = vocabulary_->next_same(token))
           set_bit(words, token);
       });
}

}  // namespace hearth::constrain
