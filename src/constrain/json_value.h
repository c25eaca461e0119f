// A JSON text as a tree that keeps what schemas need: the order of members, and numbers to the last digit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/decimal.h"

namespace hearth::constrain {

struct JsonMember;

struct JsonValue {
  enum class Kind : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  Decimal number;
  std::string text;  // of a string; of a number as it was written
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;  // as written, repeated names included

  [[nodiscard]] bool is(Kind other) const { return kind == other; }
  /// The last member of that name, or null.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
  /// Equal as JSON Schema has it: numbers by value, objects whatever their order.
  bool operator==(const JsonValue& other) const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

/// RFC 8259 in valid UTF-8. What is nested more than `max_depth` deep is kUnsupportedFormat, whatever it is.
Result<JsonValue> parse_json(std::string_view text, int max_depth);

/// The value without white space.
std::string json_text(const JsonValue& value);

/// What people call the kind: "object", "number".
std::string_view json_kind_name(JsonValue::Kind kind);

}  // namespace hearth::constrain
