// Building states: the closure over calls, returns and repetitions, and interning of stacks and states.
#include "constrain/automaton.h"

#include <algorithm>

#include "constrain/limits.h"

namespace hearth::constrain {

namespace {

std::uint32_t sum(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(a + b, Distance::kNever - 1));
}

}  // namespace

Automaton::Automaton(std::shared_ptr<const Program> program, std::uint32_t horizon)
    : program_(std::move(program)), horizon_(horizon), n_classes_(program_->byte_of_class.size()) {
  n_frames_ = kBottomFrame + 1;
  frames_.reach(n_frames_);
  begin();
  const StateId dead = finish(false);
  for (std::size_t i = 0; i < n_classes_; ++i) steps_[dead * n_classes_ + i] = kDead;
}

StateId Automaton::start() {
  begin();
  close(kRootFrame, program_->start);
  return finish(false);
}

FrameId Automaton::frame(FrameId parent, OpId op, std::uint32_t count) {
  const std::uint64_t hash = mix_hash(mix_hash(parent + 1, op), count);
  const auto known = frame_table_.find(hash, [&](FrameId id) {
    const Frame& at = frames_[id];
    return at.parent == parent && at.op == op && at.count == count && id > kBottomFrame;
  });
  if (known != IdTable::kNone) return known;
  Frame made{.parent = parent, .op = op, .count = count, .depth = frames_[parent].depth + 1};
  if (count == kNoCount) {
    made.distance = sum(program_->distance[op].n_bytes, frames_[parent].distance);
  } else {
    const Op& repeat = program_->ops[op];
    const std::uint64_t missing = repeat.min > count + 1 ? repeat.min - (count + 1) : 0;
    made.distance = sum(missing * program_->distance[repeat.a].n_bytes,
                        sum(program_->distance[repeat.next].n_bytes, frames_[parent].distance));
  }
  const auto id = static_cast<FrameId>(n_frames_++);
  frames_.reach(n_frames_);
  frames_[id] = made;
  frame_table_.insert(hash, id);
  return id;
}

std::uint32_t Automaton::distance(Config config) const {
  return sum(program_->distance[config.op].n_bytes, frames_[config.frame].distance);
}

void Automaton::begin() {
  found_.clear();
  marks_.clear();
  found_accepting_ = found_returns_ = false;
}

void Automaton::pop(FrameId from, std::vector<Config>& work) {
  if (from == kRootFrame) {
    found_accepting_ = true;
    return;
  }
  if (from == kBottomFrame) {
    found_returns_ = true;
    return;
  }
  const Frame top = frames_[from];
  if (top.count == kNoCount) {
    work.push_back({top.parent, top.op});
    return;
  }
  const Op& repeat = program_->ops[top.op];
  std::uint32_t done = top.count + 1;
  if (repeat.max == Expr::kUnbounded) done = std::min(done, repeat.min);
  if (done >= repeat.min) work.push_back({top.parent, repeat.next});
  if (done < repeat.max) work.push_back({frame(top.parent, top.op, done), repeat.a});
}

void Automaton::close(FrameId from, OpId at) {
  work_.assign(1, {from, at});
  while (!work_.empty()) {
    const Config config = work_.back();
    work_.pop_back();
    const Distance& distance = program_->distance[config.op];
    if (distance.n_bytes == Distance::kNever) continue;
    if (frames_[config.frame].depth + distance.depth > kMaxStackDepth) continue;
    if (!marks_.insert(std::uint64_t{config.frame} << 32 | config.op)) continue;
    const Op& op = program_->ops[config.op];
    switch (op.kind) {
      case Op::Kind::kBytes:
      case Op::Kind::kTokens: found_.push_back(config); break;
      case Op::Kind::kSplit:
        for (std::uint32_t i = op.b; i-- > 0;) work_.push_back({config.frame, program_->alternatives[op.a + i]});
        break;
      case Op::Kind::kJump: work_.push_back({config.frame, op.a}); break;
      case Op::Kind::kCall: work_.push_back({frame(config.frame, op.next, kNoCount), op.a}); break;
      case Op::Kind::kRepeat:
        if (op.min == 0) work_.push_back({config.frame, op.next});
        work_.push_back({frame(config.frame, config.op, 0), op.a});
        break;
      case Op::Kind::kReturn: pop(config.frame, work_); break;
    }
  }
}

StateId Automaton::finish(bool truncated) {
  State state{.accepting = found_accepting_, .returns = found_returns_, .truncated = truncated};
  if (found_.size() > kMaxConfigs) {
    // The nearest to the end stay: what was promised about distances holds.
    std::ranges::nth_element(found_, found_.begin() + kMaxConfigs, [&](const Config& a, const Config& b) {
      const std::uint32_t da = distance(a), db = distance(b);
      return da != db ? da < db : a < b;
    });
    found_.resize(kMaxConfigs);
    state.truncated = true;
  }
  std::ranges::sort(found_);
  state.distance = found_accepting_ || found_returns_ ? 0 : Distance::kNever;
  for (const Config& config : found_) {
    state.distance = std::min(state.distance, distance(config));
    state.depth = std::max(state.depth, frames_[config.frame].depth + program_->distance[config.op].depth);
    state.takes_tokens |= program_->ops[config.op].kind == Op::Kind::kTokens;
  }
  return intern(state);
}

StateId Automaton::intern(const State& made) {
  std::uint64_t hash = 1 + (made.accepting ? 2 : 0) + (made.returns ? 4 : 0) + (made.truncated ? 8 : 0);
  for (const Config& config : found_) hash = mix_hash(hash, std::uint64_t{config.frame} << 32 | config.op);
  const auto known = state_table_.find(hash, [&](StateId id) {
    const State& at = states_[id];
    return at.accepting == made.accepting && at.returns == made.returns && at.truncated == made.truncated &&
           std::ranges::equal(at.configs, found_);
  });
  if (known != IdTable::kNone) return known;
  const auto id = static_cast<StateId>(n_states_++);
  states_.reach(n_states_);
  states_[id] = made;
  states_[id].configs = configs_.keep(found_);
  steps_.reach(n_states_ * n_classes_);
  state_table_.insert(hash, id);
  return id;
}

StateId Automaton::build_step(StateId state, std::uint8_t byte_class) {
  const std::uint8_t byte = program_->byte_of_class[byte_class];
  begin();
  for (const Config& config : states_[state].configs) {
    const Op& op = program_->ops[config.op];
    if (op.kind == Op::Kind::kBytes && program_->byte_sets[op.a].test(byte)) close(config.frame, op.next);
  }
  const StateId next =
      found_.empty() && !found_accepting_ && !found_returns_ ? kDead : finish(states_[state].truncated);
  steps_[state * n_classes_ + byte_class] = next;
  return next;
}

StateId Automaton::step_token(StateId state, Token token, TokenKind kind) {
  if (!states_[state].takes_tokens) return kDead;
  begin();
  for (const Config& config : states_[state].configs) {
    const Op& op = program_->ops[config.op];
    if (op.kind != Op::Kind::kTokens) continue;
    if (program_->token_sets[op.a].takes(token, kind)) close(config.frame, op.next);
  }
  if (found_.empty() && !found_accepting_ && !found_returns_) return kDead;
  return finish(states_[state].truncated);
}

StateId Automaton::unite(StateId a, StateId b) {
  if (a == b || b == kDead) return a;
  if (a == kDead) return b;
  begin();
  const auto of_a = configs(a), of_b = configs(b);
  std::ranges::set_union(of_a, of_b, std::back_inserter(found_));
  found_accepting_ = accepting(a) || accepting(b);
  found_returns_ = returns(a) || returns(b);
  return finish(truncated(a) || truncated(b));
}

/// The deepest call frame that lies on every stack, or kRootFrame.
FrameId Automaton::shared_call_frame(std::span<const Config> configs) const {
  if (configs.empty()) return kRootFrame;
  const auto up = [&](FrameId id) { return frames_[id].parent; };
  FrameId shared = configs[0].frame;
  for (const Config& config : configs.subspan(1)) {
    FrameId other = config.frame;
    while (shared != other) {
      if (frames_[shared].depth < frames_[other].depth) {
        other = up(other);
      } else if (frames_[shared].depth > frames_[other].depth) {
        shared = up(shared);
      } else {
        if (frames_[shared].depth == 0) return kRootFrame;
        shared = up(shared);
        other = up(other);
      }
    }
  }
  while (shared > kBottomFrame && frames_[shared].count != kNoCount) shared = up(shared);
  return shared;
}

std::uint32_t Automaton::clamped(OpId op, std::uint32_t count) const {
  if (count == kNoCount) return count;
  const Op& repeat = program_->ops[op];
  const std::uint64_t horizon = std::uint64_t{horizon_} + 1;
  if (count + horizon < repeat.min) return 0;
  if (count >= repeat.min && repeat.max != Expr::kUnbounded && count + horizon < repeat.max)
    return static_cast<std::uint32_t>(repeat.max - horizon - 1);
  return count;
}

Automaton::Relative Automaton::relative(StateId state) {
  const auto source = configs(state);
  const FrameId below = shared_call_frame(source);
  if (below <= kBottomFrame || accepting(state)) return {state, kRootFrame};
  std::vector<Config> moved;
  std::vector<FrameId> chain;
  for (const Config& config : source) {
    chain.clear();
    for (FrameId at = config.frame; at != below; at = frames_[at].parent) chain.push_back(at);
    FrameId rebuilt = kBottomFrame;
    for (std::size_t i = chain.size(); i-- > 0;) {
      const Frame part = frames_[chain[i]];
      rebuilt = frame(rebuilt, part.op, clamped(part.op, part.count));
    }
    moved.push_back({rebuilt, config.op});
  }
  begin();
  std::ranges::sort(moved);
  const auto repeated = std::ranges::unique(moved);
  found_.assign(moved.begin(), repeated.begin());
  return {finish(truncated(state)), below};
}

StateId Automaton::after_return(FrameId from) {
  begin();
  std::vector<Config> work;
  pop(from, work);
  for (const Config& config : work) close(config.frame, config.op);
  if (found_.empty() && !found_accepting_ && !found_returns_) return kDead;
  return finish(false);
}

StateId Automaton::adopt(const Automaton& other, StateId state) {
  std::vector<Config> moved;
  std::vector<FrameId> chain;
  for (const Config& config : other.configs(state)) {
    chain.clear();
    for (FrameId at = config.frame; at > kBottomFrame; at = other.frames_[at].parent) chain.push_back(at);
    FrameId rebuilt = kRootFrame;
    for (std::size_t i = chain.size(); i-- > 0;) {
      const Frame& part = other.frames_[chain[i]];
      rebuilt = frame(rebuilt, part.op, part.count);
    }
    moved.push_back({rebuilt, config.op});
  }
  begin();
  found_ = std::move(moved);
  found_accepting_ = other.accepting(state);
  return finish(other.truncated(state));
}

std::size_t Automaton::n_bytes() const {
  return frames_.n_bytes() + configs_.n_bytes() + states_.n_bytes() + steps_.n_bytes() + frame_table_.n_bytes() +
         state_table_.n_bytes();
}

}  // namespace hearth::constrain
