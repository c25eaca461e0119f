// Numbers within bounds and of a step, as expressions over their digits.
#pragma once

#include <optional>

#include "base/result.h"
#include "constrain/conjunction.h"
#include "constrain/grammar.h"

namespace hearth::constrain {

struct NumberRange {
  std::optional<Bound> low, high;
  std::optional<Decimal> step;  // only multiples of it
  bool integers_only = false;
};

/// Decimal numbers without exponent, of up to 16 digits before and 15 behind the point unless the bounds need more.
/// Of a step above 2,000 units only multiples near zero are written, refused where none is in range; so are bounds of
/// more than 60 digits.
Result<ExprId> number_expression(Grammar& grammar, const NumberRange& range);

/// The least number that is a multiple of both (each above zero, of at most 18 digits); nothing above 18 digits.
std::optional<Decimal> common_multiple(const Decimal& a, const Decimal& b);

}  // namespace hearth::constrain
