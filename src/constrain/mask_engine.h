// Masks of automaton states, and the shortest completions in tokens: everything that is learned while generating.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "constrain/automaton.h"
#include "constrain/token_trie.h"

namespace hearth::constrain {

/// Callers hold mutex() around everything else.
class MaskEngine {
 public:
  static constexpr std::uint32_t kUnlimited = 0xFFFFFFFF;

  MaskEngine(std::shared_ptr<const Program> program, std::shared_ptr<const TokenTrie> vocabulary);

  std::mutex& mutex() { return mutex_; }
  Automaton& automaton() { return automaton_; }

  /// The state after a token; kDead if it cannot come.
  StateId after(StateId state, Token token);
  /// All tokens after which `budget` - 1 more are enough, and those that end a reply where the state accepts.
  void fill(StateId state, std::uint32_t budget, std::span<std::uint64_t> words);
  /// Tokens that are proven to be enough to reach an accepting state.
  std::uint32_t tokens_needed(StateId state);
  [[nodiscard]] bool fits(StateId state, std::uint32_t n_tokens) {
    return automaton_.distance(state) <= n_tokens || tokens_needed(state) <= n_tokens;
  }
  std::string forced_bytes(StateId state);
  std::vector<Token> forced_tokens(StateId state, std::uint32_t budget);

  [[nodiscard]] std::size_t n_bytes() const {
    return automaton_.n_bytes() + completions_.n_bytes() + plain_steps_.n_bytes() + farthest_.n_bytes() + mask_bytes_;
  }

 private:
  static constexpr StateId kNotLookedAt = 0xFFFFFFFE;

  /// The tokens of a state as far as its own stack decides: `plain` characters of text as a set of the vocabulary, the
  /// others listed or, where many, as bits. What lies behind a return to an unknown stack is left open.
  struct LocalMask {
    bool plain_known = false;  // plain tokens are decided by `plain`, not listed below
    std::uint32_t plain = 0;
    std::vector<std::uint32_t> tokens;
    std::vector<std::uint64_t> bits;
    std::vector<std::uint32_t> open;  // nodes (of rest() if plain_known, else of all()) where the stack was returned to
    bool ends_at_return = false;      // a token ends in a state that returns
    std::uint32_t farthest = 0;       // distance after any of its tokens, at most
    std::uint32_t depth = 0;          // frames used
    bool truncated = false;
  };
  struct Mask {
    std::shared_ptr<const LocalMask> local;
    std::vector<std::uint32_t> tokens;  // in addition
    std::uint32_t farthest = 0;
  };

  template <typename Visit>
  void walk(std::span<const TokenTrie::Node> nodes, std::uint32_t root, StateId from, Visit visit);
  template <typename Visit>
  void visit_special(StateId state, Visit visit);
  const Mask& mask_of(StateId state);
  std::shared_ptr<const LocalMask> local_mask(StateId state);
  StateId plain_step(StateId state);
  bool plain_run(StateId state, std::vector<StateId>& run);
  void list_plain_characters();
  bool may_exceed(StateId state, std::uint32_t n_left);
  void fill_within(StateId state, std::uint32_t n_left, std::span<std::uint64_t> words);
  bool fill_plain_within(StateId state, std::uint32_t n_left, std::span<std::uint64_t> words, std::uint32_t& farthest);
  /// One step of a state's shortest text: a byte or a special token, and where it leads.
  struct ShortestStep {
    bool is_token = false;
    std::uint32_t value = 0;
    StateId next = kDead;
  };
  struct Completion {
    static constexpr std::uint32_t kNotKnown = 0xFFFFFFFF;
    std::uint32_t n_tokens = kNotKnown;
    ShortestStep step;  // of states that do not accept
  };
  ShortestStep shortest_step(StateId state);
  Completion& completion(StateId state);
  std::uint32_t fewest_tokens(StateId state);

  std::mutex mutex_;
  std::shared_ptr<const TokenTrie> vocabulary_;
  Automaton automaton_;
  std::vector<StateId> path_;  // by depth in the tree
  std::unordered_map<StateId, std::shared_ptr<const LocalMask>> local_;
  std::unordered_map<StateId, Mask> masks_;
  StableArray<Completion> completions_{Completion{}};  // by state
  StableArray<StateId> plain_steps_{kNotLookedAt};     // by state: see plain_step
  StableArray<std::uint32_t> farthest_{kUnlimited};    // by state: distance after any of its tokens; or not known yet
  std::vector<std::string> plain_characters_;          // one of each kind that the program can tell apart
  std::size_t mask_bytes_ = 0;
};

}  // namespace hearth::constrain
