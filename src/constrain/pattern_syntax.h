// A parsed pattern as a tree, between its parser and the automaton.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/code_set.h"

namespace hearth::constrain {

struct PatternNode {
  enum class Kind : std::uint8_t { kEmpty, kSet, kConcat, kAlternate, kRepeat, kBegin, kEnd };
  Kind kind = Kind::kEmpty;
  text::CodeSet set;
  std::vector<PatternNode> children;
  std::uint32_t min = 0, max = 0;  // kRepeat; max may be Expr::kUnbounded
};

Result<PatternNode> parse_pattern_syntax(std::string_view pattern);

/// \p{NAME} or \p{KEY=NAME} with the long names of general categories; empty where unknown.
text::CodeSet unicode_property(std::string_view name);

}  // namespace hearth::constrain
