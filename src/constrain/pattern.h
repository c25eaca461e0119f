// Patterns of ECMA-262 as automata over characters: what they match, their products, and a grammar of them. Linear time
// whatever the pattern and the text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/char_expr.h"
#include "constrain/grammar.h"
#include "text/code_set.h"

namespace hearth::constrain {

/// A non-deterministic automaton over characters without empty moves.
struct CharNfa {
  struct Edge {
    std::uint32_t set = 0;  // into sets
    std::uint32_t target = 0;
  };
  struct State {
    std::vector<Edge> edges;
    bool accepts = false;
  };
  std::vector<text::CodeSet> sets;
  std::vector<State> states;  // the first is the start

  [[nodiscard]] bool matches(std::string_view utf8) const;
  [[nodiscard]] bool matches_nothing() const;
};

enum class PatternScope : std::uint8_t {
  kSearch,  // somewhere in the text, as the keyword "pattern" means it
  kWhole,   // the whole text
};

/// Knows literals, classes, \d \w \s \p{..}, groups, alternatives, repetition (greedy or lazy says the same here), ^
/// and $. Refuses by name what is no regular expression (back-references, look-around, word boundaries).
Result<CharNfa> parse_pattern(std::string_view pattern, PatternScope scope);

/// Texts of `min` to `max` characters; max may be Expr::kUnbounded.
Result<CharNfa> any_of_length(std::uint32_t min, std::uint32_t max);

/// Texts in which `stop` (ASCII) does not occur.
CharNfa any_without(std::string_view stop);

/// Texts that both match.
Result<CharNfa> both(const CharNfa& a, const CharNfa& b);

/// Texts that the automaton matches.
ExprId expression_of(Grammar& grammar, const CharNfa& nfa, Spelling spelling);

}  // namespace hearth::constrain
