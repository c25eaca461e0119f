// What a grammar from a stranger may cost: every cap in one place, so that no source of grammars has its own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::constrain {

inline constexpr std::size_t kMaxSourceBytes = 4u << 20;  // a schema, grammar or pattern as text
inline constexpr int kMaxNesting = 128;                   // groups, brackets, subschemas inside each other
inline constexpr std::size_t kMaxNamedRules = 4'096;      // rules of a GBNF file; distinct subschemas of a schema
inline constexpr std::size_t kMaxSchemaNodes = 16'384;    // subschemas that can be reached
inline constexpr std::uint32_t kMaxRepetition = 2'000;    // {m,n} of a pattern or a GBNF file
inline constexpr std::size_t kMaxExprs = 400'000;         // nodes of the intermediate form
inline constexpr std::size_t kMaxOps = 100'000;           // states of the compiled program
inline constexpr std::size_t kMaxNfaStates = 20'000;      // of one pattern or of a product of patterns
inline constexpr std::size_t kMaxNfaEdges = 200'000;
inline constexpr std::size_t kMaxConfigs = 4'096;             // simultaneous readings of one prefix
inline constexpr int kMaxInstanceDepth = 1'024;               // nesting of a text that is judged
inline constexpr std::uint32_t kMaxStackDepth = 512;          // frames; a JSON value nests at most this deep
inline constexpr std::uint32_t kMaxCompletion = 1u << 20;     // bytes of the shortest text of a grammar
inline constexpr std::size_t kMaxAutomatonBytes = 64u << 20;  // lazily built states and masks of one sequence

}  // namespace hearth::constrain
