// Text without rules, up to a place where rules begin.
#pragma once

#include "constrain/constraint.h"
#include "constrain/grammar.h"

namespace hearth::constrain {

/// Defines `start` as any text up to the trigger, then `then`, which may call `start` again. `end` is what may stand
/// instead of more text: grammar.empty() where the text may end, grammar.never() where it may not.
void define_free_text(Grammar& grammar, RuleId start, const Trigger& trigger, ExprId then, ExprId end);

}  // namespace hearth::constrain
