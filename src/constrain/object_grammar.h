// Objects of a schema as expressions: properties in written order, optional ones skipped, counts kept, names kept
// apart.
#pragma once

#include "base/result.h"
#include "constrain/conjunction.h"
#include "constrain/grammar.h"
#include "constrain/json_grammar.h"

namespace hearth::constrain {

/// What the compiler of schemas lends to the parts of its grammar.
class SchemaRules {
 public:
  virtual ~SchemaRules() = default;
  virtual Grammar& grammar() = 0;
  virtual JsonGrammar& json() = 0;
  virtual const JsonSchema& schema() = 0;
  /// A value that fulfils all schemas of the set.
  virtual Result<ExprId> value_of(SchemaSet set) = 0;
};

/// Properties without a name in the schema are generated where additionalProperties is written, where no property is
/// described, and as far as minProperties asks for them.
Result<ExprId> object_expression(SchemaRules& rules, const SchemaSet& members);

}  // namespace hearth::constrain
