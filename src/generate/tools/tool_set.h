// The tools of one request, read once: names, schemas to judge arguments by, and what kind of value each parameter is.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/constraint.h"
#include "constrain/json_schema.h"
#include "hearth/request.h"

namespace hearth::generate {

/// What a raw text in a call stands for.
enum class ParameterKind : std::uint8_t { kText, kJson, kUnknown };

struct KnownTool {
  std::string name;
  std::string parameters;                               // a JSON Schema of an object
  std::shared_ptr<const constrain::JsonSchema> schema;  // null where it is not supported
  std::string why_not;                                  // then: why
  std::map<std::string, ParameterKind, std::less<>> kinds;
};

/// Immutable.
class ToolSet {
 public:
  /// Refuses tools without a name, of the same name, and parameters that are no JSON object.
  static Result<std::shared_ptr<const ToolSet>> make(std::span<const Tool> tools);

  [[nodiscard]] const KnownTool* find(std::string_view name) const;
  [[nodiscard]] std::span<const KnownTool> tools() const { return tools_; }
  /// What is wrong with a call: an unknown name, arguments that break the schema. Empty: nothing.
  [[nodiscard]] std::string fault(std::string_view name, std::string_view arguments) const;

 private:
  std::vector<KnownTool> tools_;
};

}  // namespace hearth::generate
