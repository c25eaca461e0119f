// A grammar compiled to positions that an automaton can stand at, each with its proven distance to the end of its rule.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "constrain/grammar.h"

namespace hearth::constrain {

using OpId = std::uint32_t;

struct Op {
  enum class Kind : std::uint8_t {
    kBytes,   // takes a byte of set `a`, goes to `next`
    kTokens,  // takes a token of set `a` as a whole, goes to `next`
    kSplit,   // goes to each of alternatives [a, a + b)
    kJump,    // goes to `a` (a call in tail position)
    kCall,    // pushes `next`, goes to `a`
    kRepeat,  // `a` is done from `min` to `max` times, then `next`; each time under a frame that counts
    kReturn,  // pops
  };
  Kind kind = Kind::kReturn;
  std::uint32_t a = 0, b = 0;
  OpId next = 0;
  std::uint32_t min = 0, max = 0;
};

/// The fewest bytes (special tokens count as one) from a position to the end of its rule, and how many frames deep the
/// way goes beyond the frame it starts in. kNever where no text leads there.
struct Distance {
  static constexpr std::uint32_t kNever = 0xFFFFFFFF;
  std::uint32_t n_bytes = kNever;
  std::uint32_t depth = 0;
};

struct Program {
  std::vector<Op> ops;
  std::vector<OpId> alternatives;  // of kSplit
  std::vector<ByteSet> byte_sets;
  std::vector<TokenSet> token_sets;  // names resolved, ids ascending
  std::vector<Distance> distance;    // [ops]
  OpId start = 0;
  /// Bytes that no set tells apart share a class.
  std::uint8_t class_of[256] = {};
  std::vector<std::uint8_t> byte_of_class;  // one member each
};

/// Compiles the rules reachable from the root. Refuses left recursion by the name of the rule, a grammar that no text
/// fulfils, and one above the caps. `usable` are the bytes that a vocabulary can spell one by one; others are taken
/// out of the grammar. `token_sets` are the grammar's, with names resolved.
Result<std::shared_ptr<const Program>> compile(const Grammar& grammar, const ByteSet& usable,
                                               std::vector<TokenSet> token_sets);

}  // namespace hearth::constrain
