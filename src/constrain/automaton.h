// The deterministic states of a program, built as they are met. A state is a set of (stack, position) pairs; equal
// stacks and equal states have one id, so that what was learned about a state is found again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "constrain/id_table.h"
#include "constrain/program.h"
#include "constrain/stable_array.h"

namespace hearth::constrain {

using StateId = std::uint32_t;
using FrameId = std::uint32_t;

inline constexpr StateId kDead = 0;
inline constexpr FrameId kRootFrame = 0;    // returning from it ends the text
inline constexpr FrameId kBottomFrame = 1;  // stands for a stack that a relative state does not know

struct Config {
  FrameId frame = 0;
  OpId op = 0;
  auto operator<=>(const Config&) const = default;
};

/// Not thread-safe: states are built behind every call. Grows until its owner makes a new one and adopts into it.
class Automaton {
 public:
  /// Repetition counts further than `horizon` steps from their bounds look alike to relative().
  Automaton(std::shared_ptr<const Program> program, std::uint32_t horizon);

  [[nodiscard]] const Program& program() const { return *program_; }
  StateId start();
  /// After one byte; kDead where none continues.
  StateId step(StateId state, std::uint8_t byte) {
    const StateId known = steps_[state * n_classes_ + program_->class_of[byte]];
    return known != kUnknown ? known : build_step(state, program_->class_of[byte]);
  }
  /// After a token that is matched as a whole, not by its bytes.
  StateId step_token(StateId state, Token token, TokenKind kind);
  StateId unite(StateId a, StateId b);

  [[nodiscard]] bool accepting(StateId state) const { return states_[state].accepting; }
  /// A relative state from which its unknown stack may be returned to.
  [[nodiscard]] bool returns(StateId state) const { return states_[state].returns; }
  /// Some readings were left out because there were more than kMaxConfigs: the texts are fewer, never others.
  [[nodiscard]] bool truncated(StateId state) const { return states_[state].truncated; }
  /// The fewest bytes to an accepting state (of a relative state: to its return).
  [[nodiscard]] std::uint32_t distance(StateId state) const { return states_[state].distance; }
  /// The most frames that its stacks have or need.
  [[nodiscard]] std::uint32_t depth(StateId state) const { return states_[state].depth; }
  [[nodiscard]] std::span<const Config> configs(StateId state) const { return states_[state].configs; }
  [[nodiscard]] bool takes_tokens(StateId state) const { return states_[state].takes_tokens; }
  [[nodiscard]] std::uint32_t distance(Config config) const;
  [[nodiscard]] std::uint32_t frame_depth(FrameId frame) const { return frames_[frame].depth; }
  /// The fewest bytes to an accepting state once `frame` is returned to.
  [[nodiscard]] std::uint32_t frame_distance(FrameId frame) const { return frames_[frame].distance; }

  struct Relative {
    StateId state = kDead;
    FrameId below = kRootFrame;  // what the bottom stands for; kRootFrame when `state` is the state itself
  };
  /// The same state without the part of its stacks that all its configurations share.
  Relative relative(StateId state);
  /// Where returning to `frame` leads.
  StateId after_return(FrameId frame);

  /// The same state in this automaton. `other` has an equal program.
  StateId adopt(const Automaton& other, StateId state);

  [[nodiscard]] std::size_t n_bytes() const;

 private:
  static constexpr StateId kUnknown = 0xFFFFFFFF;
  static constexpr std::uint32_t kNoCount = 0xFFFFFFFF;  // the frame of a call

  struct Frame {
    FrameId parent = 0;
    OpId op = 0;  // of a call: where it continues; of a repetition: the repetition
    std::uint32_t count = kNoCount;
    std::uint32_t depth = 0;
    std::uint32_t distance = 0;
  };
  struct State {
    std::span<const Config> configs;
    std::uint32_t distance = 0;
    std::uint32_t depth = 0;
    bool accepting = false, returns = false, truncated = false, takes_tokens = false;
  };

  FrameId frame(FrameId parent, OpId op, std::uint32_t count);
  StateId build_step(StateId state, std::uint8_t byte_class);
  /// Collects the configurations that `frame` at `op` can reach without taking anything.
  void close(FrameId frame, OpId op);
  void pop(FrameId frame, std::vector<Config>& work);
  void begin();
  StateId finish(bool truncated);
  StateId intern(const State& state);
  FrameId shared_call_frame(std::span<const Config> configs) const;
  std::uint32_t clamped(OpId op, std::uint32_t count) const;

  std::shared_ptr<const Program> program_;
  std::uint32_t horizon_;
  std::size_t n_classes_;
  StableArray<Frame> frames_{Frame{}};
  std::size_t n_frames_ = 0;
  ListArena<Config> configs_;
  StableArray<State> states_{State{}};
  std::size_t n_states_ = 0;
  StableArray<StateId> steps_{kUnknown};  // [state, byte class]
  IdTable frame_table_, state_table_;
  // What the closure under construction holds.
  std::vector<Config> found_, work_;
  ConfigMarks marks_;
  bool found_accepting_ = false, found_returns_ = false;
};

}  // namespace hearth::constrain
