// A JSON Schema (draft 2020-12) as checked nodes, and the judge of instances. Generation has its own grammar
// (schema_grammar.h); this judge is what that grammar is tested against.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "constrain/constraint.h"
#include "constrain/json_value.h"
#include "constrain/pattern.h"

namespace hearth::constrain {

using SchemaId = std::uint32_t;

/// Bits of the types that a schema allows. Every integer is a number too.
using TypeSet = std::uint8_t;
inline constexpr TypeSet kNullType = 1, kBooleanType = 2, kObjectType = 4, kArrayType = 8, kStringType = 16,
                         kNumberType = 32, kIntegerType = 64;
inline constexpr TypeSet kAllTypes = 127;

struct Format {
  CharNfa pattern;
  CharNfa generated;  // matches nothing that the whole format would not
  bool (*also)(std::string_view) = nullptr;

  [[nodiscard]] bool matches(std::string_view text) const {
    return pattern.matches(text) && (also == nullptr || also(text));
  }
};

struct SchemaNode {
  std::string pointer;  // where it stands: "/properties/a"
  bool never = false;   // the schema `false`
  TypeSet types = kAllTypes;
  std::optional<std::vector<JsonValue>> values;  // enum or const (both: one each in all_of)
  std::optional<JsonValue> constant;
  std::optional<Decimal> minimum, maximum, above, below, multiple_of;
  std::optional<std::uint64_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
  std::shared_ptr<const CharNfa> pattern;
  std::shared_ptr<const Format> format;
  std::vector<SchemaId> prefix_items;
  std::optional<SchemaId> items, additional;
  std::vector<std::pair<std::string, SchemaId>> properties;  // as written
  std::unordered_map<std::string, SchemaId> property_by_name;
  std::vector<std::string> required;
  std::vector<SchemaId> all_of, any_of, one_of;  // a reference is a part of all_of
};

/// Immutable and safe to share.
class JsonSchema {
 public:
  /// Refuses by name, with its JSON pointer, every keyword that is not supported and can be reached from the root.
  static Result<std::shared_ptr<const JsonSchema>> parse(std::string_view text);

  [[nodiscard]] const SchemaNode& node(SchemaId id) const { return nodes_[id]; }
  [[nodiscard]] SchemaId root() const { return 0; }
  [[nodiscard]] std::size_t n_nodes() const { return nodes_.size(); }

  [[nodiscard]] bool accepts(SchemaId id, const JsonValue& value, FormatCheck formats) const;
  /// A text that is not JSON is not accepted.
  [[nodiscard]] Result<bool> accepts_text(std::string_view text, FormatCheck formats) const;

 private:
  friend class SchemaReader;
  std::vector<SchemaNode> nodes_;
};

/// What a keyword is to us; docs/structured-output.md shows this table.
struct KeywordInfo {
  enum class Kind : std::uint8_t { kEnforced, kAnnotation, kUnsupported } kind;
  std::string_view name;
};
std::span<const KeywordInfo> known_keywords();
/// Names of the values of `format` that are enforced.
std::vector<std::string_view> known_formats();

}  // namespace hearth::constrain
