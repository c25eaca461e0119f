// Reading tools is lenient about schemas: one that cannot be enforced is still shown to the model.
#include "generate/tools/tool_set.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using SchemaJson = nlohmann::ordered_json;

ParameterKind kind_of_type(std::string_view type) {
  return type == "string" ? ParameterKind::kText : ParameterKind::kJson;
}

/// A parameter that may be a string is text, whatever else it may be: a raw text says no more.
ParameterKind either(ParameterKind a, ParameterKind b) {
  if (a == ParameterKind::kText || b == ParameterKind::kText) return ParameterKind::kText;
  return a == ParameterKind::kUnknown ? b : a;
}

ParameterKind kind_of(const SchemaJson& schema, const SchemaJson& root, int depth = 0) {
  ParameterKind kind = ParameterKind::kUnknown;
  if (!schema.is_object() || depth > 8) return kind;
  if (const auto type = schema.find("type"); type != schema.end()) {
    if (type->is_string()) return kind_of_type(type->get<std::string>());
    for (const auto& one : *type) {
      if (one.is_string()) kind = either(kind, kind_of_type(one.get<std::string>()));
    }
    return kind;
  }
  if (const auto values = schema.find("enum"); values != schema.end()) {
    for (const auto& value : *values)
      kind = either(kind, value.is_string() ? ParameterKind::kText : ParameterKind::kJson);
  }
  if (const auto value = schema.find("const"); value != schema.end())
    kind = either(kind, value->is_string() ? ParameterKind::kText : ParameterKind::kJson);
  for (const char* keyword : {"anyOf", "oneOf", "allOf"}) {
    const auto parts = schema.find(keyword);
    if (parts == schema.end() || !parts->is_array()) continue;
    for (const auto& part : *parts) kind = either(kind, kind_of(part, root, depth + 1));
  }
  if (const auto ref = schema.find("$ref"); ref != schema.end() && ref->is_string()) {
    const std::string pointer = ref->get<std::string>();
    if (!pointer.starts_with("#/")) return kind;
    try {
      kind = either(kind, kind_of(root.at(SchemaJson::json_pointer(pointer.substr(1))), root, depth + 1));
    } catch (const SchemaJson::exception&) {
      return kind;
    }
  }
  return kind;
}

Result<KnownTool> read_tool(const Tool& tool) {
  KnownTool known{.name = tool.name, .parameters = tool.parameters, .schema = {}, .why_not = {}, .kinds = {}};
  SchemaJson schema = SchemaJson::parse(
      tool.parameters.empty() ? R"({"type":"object","properties":{},"additionalProperties":false})" : tool.parameters,
      nullptr, false);
  if (!schema.is_object()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the parameters of the tool \"{}\" are no JSON Schema: expected a JSON object", tool.name));
  }
  if (!schema.contains("type")) schema["type"] = "object";
  if (schema["type"] != "object" && schema["type"] != SchemaJson::array({"object"})) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the parameters of the tool \"{}\" are of the type {}: the arguments of a call are an object",
                    tool.name, schema["type"].dump(-1, ' ', false, SchemaJson::error_handler_t::replace)));
  }
  if (const auto properties = schema.find("properties"); properties != schema.end() && properties->is_object()) {
    for (const auto& [name, property] : properties->items()) known.kinds[name] = kind_of(property, schema);
  }
  known.parameters = schema.dump();
  auto parsed = constrain::JsonSchema::parse(known.parameters);
  if (parsed) {
    known.schema = std::move(*parsed);
  } else {
    known.why_not = parsed.error().message;
  }
  return known;
}

}  // namespace

Result<std::shared_ptr<const ToolSet>> ToolSet::make(std::span<const Tool> tools) {
  auto made = std::make_shared<ToolSet>();
  for (const Tool& tool : tools) {
    if (tool.name.empty()) return fail(ErrorCode::kInvalidArgument, "a tool has no name");
    if (made->find(tool.name) != nullptr)
      return fail(ErrorCode::kInvalidArgument, fmt::format("two tools have the name \"{}\"", tool.name));
    HEARTH_TRY(KnownTool known, read_tool(tool));
    made->tools_.push_back(std::move(known));
  }
  return made;
}

const KnownTool* ToolSet::find(std::string_view name) const {
  const auto found = std::ranges::find(tools_, name, &KnownTool::name);
  return found == tools_.end() ? nullptr : &*found;
}

std::string ToolSet::fault(std::string_view name, std::string_view arguments) const {
  const KnownTool* tool = find(name);
  if (tool == nullptr) return fmt::format("the model called \"{}\", which is no tool of this request", name);
  if (!tool->schema) return {};
  const auto accepted = tool->schema->accepts_text(arguments, constrain::FormatCheck::kAnnotation);
  if (accepted && *accepted) return {};
  return fmt::format("the arguments of the call of \"{}\" do not follow its schema", name);
}

}  // namespace hearth::generate
