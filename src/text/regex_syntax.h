// A parsed pattern as a tree, between the parser and the compiler.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/code_set.h"
#include "text/regex.h"

namespace hearth::text {

enum class RegexAnchor : std::uint8_t {
  kTextBegin,
  kTextEnd,
  kTextEndOrLastNewline,
  kLineBegin,
  kLineEnd,
  kWordBoundary,
  kNoWordBoundary,
};

struct RegexNode {
  enum class Kind : std::uint8_t { kEmpty, kSet, kConcat, kAlternate, kRepeat, kLookAhead, kLookBehind, kAnchor };
  static constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

  Kind kind = Kind::kEmpty;
  CodeSet set;                                   // kSet, kLookBehind (the one character before)
  std::vector<RegexNode> children;               // kConcat, kAlternate; one for kRepeat, kLookAhead
  std::uint32_t min = 0, max = 0;                // kRepeat
  bool greedy = true, possessive = false;        // kRepeat
  bool negative = false;                         // kLookAhead, kLookBehind
  RegexAnchor anchor = RegexAnchor::kTextBegin;  // kAnchor

  /// Whether it can match without taking a character.
  [[nodiscard]] bool nullable() const;
};

Result<RegexNode> parse_regex(std::string_view pattern, RegexAnchors anchors);

}  // namespace hearth::text
