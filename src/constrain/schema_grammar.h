// The grammar that generates instances of a schema: only valid ones, properties in the order in which they are written.
#pragma once

#include <string_view>

#include "base/result.h"
#include "constrain/grammar.h"
#include "constrain/json_schema.h"

namespace hearth::constrain {

/// Refuses what cannot be generated (ErrorCode::kUnsupportedConstraint): oneOf whose branches are not proven to exclude
/// each other, multipleOf above 2,000 steps.
Result<Grammar> grammar_of_schema(const JsonSchema& schema);

/// The strings among the instances as bare text, without quotes and escapes, in which `stop` does not occur: for
/// formats that frame texts by marks of their own.
Result<Grammar> grammar_of_bare_text(const JsonSchema& schema, std::string_view stop);

}  // namespace hearth::constrain
