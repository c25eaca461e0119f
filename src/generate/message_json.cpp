// Roles, texts, thoughts and calls; images and sound are told by type and refused by generators that lack them.
#include "generate/message_json.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::array kRoles = {Role::kSystem, Role::kDeveloper, Role::kUser, Role::kAssistant, Role::kTool};

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

/// The text of a member that may be absent or null.
Result<std::string> optional_text(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return wrong(fmt::format("\"{}\" must be a text", key));
  return found->get<std::string>();
}

Result<std::vector<ContentPart>> parse_content(const OrderedJson& json) {
  std::vector<ContentPart> parts;
  if (json.is_null()) return parts;
  if (json.is_string()) {
    parts.emplace_back(TextPart{json.get<std::string>()});
    return parts;
  }
  if (!json.is_array()) return wrong("\"content\" must be a text or a list of parts");
  for (const OrderedJson& part : json) {
    if (!part.is_object()) return wrong("a part of \"content\" must be an object");
    HEARTH_TRY(const std::string type, optional_text(part, "type"));
    if (type != "text" && type != "input_text")
      return wrong(fmt::format("a part of \"content\" has the type \"{}\"; text is what can be read here", type));
    HEARTH_TRY(std::string text, optional_text(part, "text"));
    parts.emplace_back(TextPart{std::move(text)});
  }
  return parts;
}

Result<std::vector<ToolCall>> parse_calls(const OrderedJson& json) {
  std::vector<ToolCall> calls;
  if (json.is_null()) return calls;
  if (!json.is_array()) return wrong("\"tool_calls\" must be a list");
  for (const OrderedJson& entry : json) {
    if (!entry.is_object() || !entry.contains("function") || !entry["function"].is_object())
      return wrong("a tool call needs a \"function\" with \"name\" and \"arguments\"");
    const OrderedJson& function = entry["function"];
    ToolCall call;
    HEARTH_TRY(call.id, optional_text(entry, "id"));
    HEARTH_TRY(call.name, optional_text(function, "name"));
    const auto arguments = function.find("arguments");
    if (arguments != function.end())
      call.arguments = arguments->is_string() ? arguments->get<std::string>() : arguments->dump();
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

OrderedJson message_json(const Message& message) {
  OrderedJson json = {{"role", role_name(message.role)}, {"content", message.text()}};
  if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  if (!message.name.empty()) json["name"] = message.name;
  for (const ToolCall& call : message.tool_calls) {
    json["tool_calls"].push_back(
        {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  return json;
}

OrderedJson conversation_json(std::span<const Message> messages) {
  OrderedJson list = OrderedJson::array();
  for (const Message& message : messages) list.push_back(message_json(message));
  return {{"messages", std::move(list)}};
}

Result<Message> parse_message(const OrderedJson& json) {
  if (!json.is_object()) return wrong("expected an object with \"role\" and \"content\"");
  HEARTH_TRY(const std::string role, optional_text(json, "role"));
  const auto known = std::ranges::find(kRoles, role, role_name);
  if (known == kRoles.end())
    return wrong(fmt::format("\"role\" is \"{}\", expected system, developer, user, assistant or tool", role));
  Message message;
  message.role = *known;
  HEARTH_TRY(message.content, parse_content(json.value("content", OrderedJson())));
  HEARTH_TRY(message.reasoning, optional_text(json, "reasoning_content"));
  HEARTH_TRY(message.tool_call_id, optional_text(json, "tool_call_id"));
  HEARTH_TRY(message.name, optional_text(json, "name"));
  HEARTH_TRY(message.tool_calls, parse_calls(json.value("tool_calls", OrderedJson())));
  return message;
}

Result<std::vector<Message>> parse_messages(const OrderedJson& json) {
  if (!json.is_array()) return wrong("\"messages\" must be a list");
  std::vector<Message> messages;
  for (const OrderedJson& entry : json) {
    auto message = parse_message(entry);
    if (!message) return std::unexpected(std::move(message.error()).within(fmt::format("message {}", messages.size())));
    messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace hearth::generate
