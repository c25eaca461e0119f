// Walking the vocabulary's tree beside the automaton. Most of a mask depends on the top of the stack only; that part is
// kept per relative state, and only the tokens that leave the top frame are looked at for each stack.
#include "constrain/mask_engine.h"

#include <algorithm>

#include "constrain/limits.h"

namespace hearth::constrain {

namespace {

void set_bit(std::span<std::uint64_t> words, std::uint32_t token) {
  words[token / 64] |= 1ull << (token % 64);
}

constexpr StateId kMixed = 0xFFFFFFFF;  // not all plain characters lead to the same state
constexpr std::size_t kMostPlainKinds = 2048;

}  // namespace

MaskEngine::MaskEngine(std::shared_ptr<const Program> program, std::shared_ptr<const TokenTrie> vocabulary)
    : vocabulary_(std::move(vocabulary)),
      automaton_(std::move(program), vocabulary_->longest()),
      path_(vocabulary_->longest() + 2) {
  list_plain_characters();
}

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
  for (const Config& config : automaton_.configs(state)) {
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

/// Plain characters whose bytes are of the same classes are the same to the program: one of each kind is enough.
void MaskEngine::list_plain_characters() {
  const auto& class_of = automaton_.program().class_of;
  const auto add = [&](std::span<const std::string> beginnings, unsigned first, unsigned last) {
    std::vector<std::string> longer;
    for (const std::string& beginning : beginnings) {
      ByteSet have;
      for (unsigned byte = first; byte <= last; ++byte) {
        if (have.test(class_of[byte])) continue;
        have.set(class_of[byte]);
        longer.push_back(beginning + static_cast<char>(byte));
      }
    }
    return longer;
  };
  ByteSet have;
  for (unsigned byte = 0; byte < 0x80; ++byte) {
    if (!plain_ascii().test(byte) || have.test(class_of[byte])) continue;
    have.set(class_of[byte]);
    plain_characters_.emplace_back(1, static_cast<char>(byte));
  }
  // The well-formed sequences of Unicode's table 3-7: leads, the range of the second byte, how many more.
  struct Form {
    unsigned lead_first, lead_last, second_first, second_last, n_more;
  };
  static constexpr Form kForms[] = {{0xC2, 0xDF, 0x80, 0xBF, 0}, {0xE0, 0xE0, 0xA0, 0xBF, 1},
                                    {0xE1, 0xEC, 0x80, 0xBF, 1}, {0xED, 0xED, 0x80, 0x9F, 1},
                                    {0xEE, 0xEF, 0x80, 0xBF, 1}, {0xF0, 0xF0, 0x90, 0xBF, 2},
                                    {0xF1, 0xF3, 0x80, 0xBF, 2}, {0xF4, 0xF4, 0x80, 0x8F, 2}};
  const std::vector<std::string> nothing = {""};
  for (const Form& form : kForms) {
    auto kinds = add(add(nothing, form.lead_first, form.lead_last), form.second_first, form.second_last);
    for (unsigned i = 0; i < form.n_more && kinds.size() <= kMostPlainKinds; ++i) kinds = add(kinds, 0x80, 0xBF);
    plain_characters_.insert(plain_characters_.end(), kinds.begin(), kinds.end());
    if (plain_characters_.size() > kMostPlainKinds) break;
  }
}

/// Where every plain character leads: a state, kDead, or kMixed.
StateId MaskEngine::plain_step(StateId state) {
  if (plain_characters_.size() > kMostPlainKinds) return kMixed;
  plain_steps_.reach(state + 1u);
  if (plain_steps_[state] != kNotLookedAt) return plain_steps_[state];
  StateId common = kMixed;
  for (std::size_t i = 0; i < plain_characters_.size(); ++i) {
    StateId at = state;
    for (const char c : plain_characters_[i]) at = automaton_.step(at, static_cast<std::uint8_t>(c));
    if (i > 0 && at != common) {
      common = kMixed;
      break;
    }
    common = at;
  }
  // What lies behind a return is not known here.
  if (common != kMixed && automaton_.returns(common)) common = kMixed;
  plain_steps_[state] = common;
  return common;
}

/// The states after 1, 2, .. plain characters, as long as there is one, at most most_plain(); the last stands for all
/// further ones if it leads to itself. False where characters differ.
bool MaskEngine::plain_run(StateId state, std::vector<StateId>& run) {
  run.clear();
  while (run.size() < vocabulary_->most_plain()) {
    const StateId next = plain_step(state);
    if (next == kMixed) return false;
    if (next == kDead) return true;
    run.push_back(next);
    if (next == state) return true;
    state = next;
  }
  return true;
}

std::shared_ptr<const MaskEngine::LocalMask> MaskEngine::local_mask(StateId state) {
  if (const auto known = local_.find(state); known != local_.end()) return known->second;
  auto mask = std::make_shared<LocalMask>();
  std::vector<StateId> run;
  mask->plain_known = plain_run(state, run);
  if (mask->plain_known && !run.empty()) {
    const bool endless = run.back() == (run.size() > 1 ? run[run.size() - 2] : state);
    mask->plain = endless ? vocabulary_->most_plain() : static_cast<std::uint32_t>(run.size());
    for (const StateId at : run) {
      mask->farthest = std::max(mask->farthest, automaton_.distance(at));
      mask->depth = std::max(mask->depth, automaton_.depth(at));
      mask->truncated |= automaton_.truncated(at);
    }
  }
  const auto nodes = mask->plain_known ? vocabulary_->rest() : vocabulary_->all();
  mask->depth = std::max(mask->depth, automaton_.depth(state));
  mask->truncated |= automaton_.truncated(state);
  walk(nodes, 0, state, [&](std::uint32_t i, const TokenTrie::Node& node, StateId at) {
    mask->depth = std::max(mask->depth, automaton_.depth(at));
    mask->truncated |= automaton_.truncated(at);
    if (automaton_.returns(at)) {
      if (node.end > i + 1) mask->open.push_back(i);
      mask->ends_at_return |= node.token != TokenTrie::kNoToken;
    }
    if (node.token != TokenTrie::kNoToken && !automaton_.returns(at))
      mask->farthest = std::max(mask->farthest, automaton_.distance(at));
    vocabulary_->visit_tokens(node, [&](std::uint32_t token) { mask->tokens.push_back(token); });
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
  const bool whole =
      relative.below != kRootFrame &&
      (mask.local->truncated || automaton_.frame_depth(relative.below) + mask.local->depth > kMaxStackDepth);
  if (whole) mask.local = local_mask(state);
  mask.farthest = mask.local->farthest;
  if (relative.below != kRootFrame && !whole) {
    mask.farthest = std::min<std::uint64_t>(std::uint64_t{mask.farthest} + automaton_.frame_distance(relative.below),
                                            Distance::kNever - 1);
    const StateId behind = automaton_.after_return(relative.below);
    if (mask.local->ends_at_return) mask.farthest = std::max(mask.farthest, automaton_.distance(behind));
    const auto nodes = mask.local->plain_known ? vocabulary_->rest() : vocabulary_->all();
    for (const std::uint32_t root : mask.local->open) {
      walk(nodes, root, behind, [&](std::uint32_t, const TokenTrie::Node& node, StateId at) {
        if (node.token != TokenTrie::kNoToken) mask.farthest = std::max(mask.farthest, automaton_.distance(at));
        vocabulary_->visit_tokens(node, [&](std::uint32_t token) { mask.tokens.push_back(token); });
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

/// Whether a token of the state can lead to where `n_left` are not enough, as far as that is known without looking at
/// all tokens: then each is judged by itself, and how far they lead is known for the next time.
bool MaskEngine::may_exceed(StateId state, std::uint32_t n_left) {
  farthest_.reach(state + 1u);
  if (farthest_[state] != kUnlimited) return farthest_[state] > n_left;
  return std::uint64_t{automaton_.distance(state)} + vocabulary_->longest() > n_left;
}

void MaskEngine::fill(StateId state, std::uint32_t budget, std::span<std::uint64_t> words) {
  std::ranges::fill(words, 0);
  if (automaton_.accepting(state))
    for (const Token token : vocabulary_->end_tokens()) set_bit(words, static_cast<std::uint32_t>(token));
  if (budget == 0) return;
  if (budget != kUnlimited && may_exceed(state, budget - 1)) return fill_within(state, budget - 1, words);
  const Mask& mask = mask_of(state);
  if (budget != kUnlimited && mask.farthest > budget - 1) return fill_within(state, budget - 1, words);
  const auto add = [&](std::span<const std::uint64_t> more) {
    for (std::size_t i = 0; i < more.size(); ++i) words[i] |= more[i];
  };
  if (mask.local->plain > 0) add(vocabulary_->plain_up_to(mask.local->plain));
  add(mask.local->bits);
  for (const std::uint32_t token : mask.local->tokens) set_bit(words, token);
  for (const std::uint32_t token : mask.tokens) set_bit(words, token);
}

/// Adds the plain tokens after which `n_left` are enough. False where each must be looked at.
bool MaskEngine::fill_plain_within(StateId state, std::uint32_t n_left, std::span<std::uint64_t> words,
                                   std::uint32_t& farthest) {
  std::vector<StateId> run;
  if (automaton_.takes_tokens(state) || !plain_run(state, run)) return false;
  if (run.empty()) return true;
  for (const StateId at : run) farthest = std::max(farthest, automaton_.distance(at));
  const bool endless = run.back() == (run.size() > 1 ? run[run.size() - 2] : state);
  for (std::uint32_t n = 1; n <= run.size(); ++n) {
    if (!fits(run[n - 1], n_left)) continue;
    const bool all_further = endless && n == run.size();
    const auto up_to = vocabulary_->plain_up_to(all_further ? vocabulary_->most_plain() : n);
    for (std::size_t i = 0; i < words.size(); ++i)
      words[i] |= n == 1 ? up_to[i] : up_to[i] & ~vocabulary_->plain_up_to(n - 1)[i];
  }
  return true;
}

/// The mask where not every token leaves enough budget.
void MaskEngine::fill_within(StateId state, std::uint32_t n_left, std::span<std::uint64_t> words) {
  std::uint32_t farthest = 0;
  StateId last = kDead;  // many tokens in a row lead to the same state
  bool last_fits = false;
  const auto enough = [&](StateId at) {
    if (at == last) return last_fits;
    farthest = std::max(farthest, automaton_.distance(at));
    last = at;
    return last_fits = fits(at, n_left);
  };
  const bool plain_done = fill_plain_within(state, n_left, words, farthest);
  const bool takes_tokens = automaton_.takes_tokens(state);
  visit_special(state, [&](std::uint32_t token, const Config&) {
    if (enough(after(state, static_cast<Token>(token)))) set_bit(words, token);
  });
  walk(plain_done ? vocabulary_->rest() : vocabulary_->all(), 0, state,
       [&](std::uint32_t, const TokenTrie::Node& node, StateId at) {
         if (node.token == TokenTrie::kNoToken) return;
         // A token that can also be taken as a whole is judged by both readings together.
         if (takes_tokens) at = after(state, static_cast<Token>(node.token));
         if (enough(at)) vocabulary_->visit_tokens(node, [&](std::uint32_t token) { set_bit(words, token); });
       });
  farthest_.reach(state + 1u);
  farthest_[state] = farthest;
}

}  // namespace hearth::constrain
