// Several schemas that must hold together, brought to plain keywords: what allOf, anyOf, oneOf and $ref come down to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "constrain/json_schema.h"

namespace hearth::constrain {

/// Schemas in the order in which they were met, none twice.
using SchemaSet = std::vector<SchemaId>;

/// One way to fulfil a set: `members` hold all references and allOf, and one branch of every anyOf and oneOf.
struct Conjunction {
  SchemaSet members;
  TypeSet types = kAllTypes;
};

/// All ways. A oneOf is refused unless its branches are proven to exclude each other; it is an anyOf then.
Result<std::vector<Conjunction>> expand(const JsonSchema& schema, const SchemaSet& set);

/// True only if no instance can fulfil all of `set`.
bool proven_empty(const JsonSchema& schema, const SchemaSet& set, int depth);

struct Bound {
  Decimal value;
  bool exclusive = false;
};
std::optional<Bound> lower_bound(const JsonSchema& schema, const SchemaSet& members);
std::optional<Bound> upper_bound(const JsonSchema& schema, const SchemaSet& members);

struct CountRange {
  std::uint64_t min = 0;
  std::uint64_t max = kUnlimited;
  static constexpr std::uint64_t kUnlimited = UINT64_MAX;
};
enum class Counted : std::uint8_t { kCharacters, kItems, kProperties };
CountRange count_range(const JsonSchema& schema, const SchemaSet& members, Counted what);

/// The schemas for the item at `index`; those for every item behind the longest prefix where index is that length.
SchemaSet item_schemas(const JsonSchema& schema, const SchemaSet& members, std::size_t index);
std::size_t longest_prefix(const JsonSchema& schema, const SchemaSet& members);

/// The schemas for the property of this name.
SchemaSet property_schemas(const JsonSchema& schema, const SchemaSet& members, const std::string& name);
/// Names that any member describes or requires, in the order in which they are written.
std::vector<std::string> property_names(const JsonSchema& schema, const SchemaSet& members);

/// The values that an enum or const leaves, judged by all members; nothing where none of them lists values.
std::optional<std::vector<JsonValue>> listed_values(const JsonSchema& schema, const SchemaSet& members,
                                                    FormatCheck formats);

/// The greatest integer not above `value`.
Decimal floor_of(const Decimal& value);
Decimal plus_one(const Decimal& integer);

}  // namespace hearth::constrain
