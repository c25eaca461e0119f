// A probe conversation with names that nobody else uses shows what a template does with calls.
#include "generate/tools/tool_prompt.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using PromptJson = nlohmann::ordered_json;

constexpr char kInstructions[] =
    "You can call these functions. Each is described by a JSON object:\n{}\n"
    "To call one, write nothing but this, once for each call:\n"
    "<tool_call>\n{{\"name\": \"NAME\", \"arguments\": ARGUMENTS}}\n</tool_call>\n"
    "The results come in the next message, in <tool_response></tool_response>.";

PromptJson tool_json(const Tool& tool) {
  PromptJson parameters = PromptJson::parse(tool.parameters, nullptr, false);
  if (!parameters.is_object()) parameters = {{"type", "object"}, {"properties", PromptJson::object()}};
  PromptJson function = {{"name", tool.name}, {"description", tool.description}, {"parameters", std::move(parameters)}};
  return {{"type", "function"}, {"function", std::move(function)}};
}

std::string dumped(const PromptJson& json) {
  return json.dump(-1, ' ', false, PromptJson::error_handler_t::replace);
}

/// A call or a result in the generic format.
PromptJson message_as_text(const Message& message) {
  std::string text = message.text();
  if (message.role == Role::kTool)
    return {{"role", "user"}, {"content", "<tool_response>\n" + text + "\n</tool_response>"}};
  for (const ToolCall& call : message.tool_calls) {
    if (!text.empty()) text += '\n';
    text += fmt::format("<tool_call>\n{{\"name\": {}, \"arguments\": {}}}\n</tool_call>", dumped(call.name),
                        call.arguments.empty() ? "{}" : call.arguments);
  }
  return {{"role", role_name(message.role)}, {"content", std::move(text)}};
}

void put_into(PromptJson& messages, std::string_view role, const char* key, const std::string& text) {
  const bool there = !messages.empty() && messages[0]["role"] == role;
  if (!there) messages.insert(messages.begin(), PromptJson::object({{"role", role}, {"content", ""}}));
  PromptJson& value = messages[0][key];
  const std::string now = value.is_string() ? value.get<std::string>() : std::string();
  if (now.empty()) {
    value = text;
  } else {
    value = role == "user" ? text + "\n\n" + now : now + "\n\n" + text;
  }
}

bool shows_calls(const std::string& prompt) {
  const auto has = [&](std::string_view text) { return prompt.find(text) != std::string::npos; };
  return has("qzname") && has("qzkey") && has("qzvalue") && has("qzresult") && !has("None") && !has("\\\"qzkey");
}

}  // namespace

CallSpelling find_call_spelling(const text::ChatTemplate& chat_template, std::string_view source,
                                const TryTemplate& try_it) {
  CallSpelling spelling;
  const bool in_message = source.find("message['tools']") != std::string_view::npos ||
                          source.find("message.tools") != std::string_view::npos;
  spelling.list = chat_template.names("tools") ? ToolList::kVariable
                  : in_message                 ? ToolList::kMessage
                                               : ToolList::kSystem;
  if (source.find("message.thinking") != std::string_view::npos) spelling.reasoning_key = "thinking";
  if (spelling.list == ToolList::kSystem) {
    PromptJson values = {{"messages", PromptJson::array()}, {"add_generation_prompt", true}};
    for (const Message& message : {Message::instruction("qzsystem"), Message::user("qzquestion")})
      values["messages"].push_back(message_json(message, spelling));
    const auto prompt = try_it(values);
    if (!prompt || prompt->find("qzsystem") == std::string::npos) spelling.list = ToolList::kUser;
  }
  Message call = Message::assistant("");
  call.tool_calls = {{"call00000", "qzname", R"({"qzkey": "qzvalue"})"}};
  Message result = Message::tool("call00000", "qzresult");
  result.name = "qzname";
  using enum CallSpelling::Arguments;
  using enum CallSpelling::Content;
  for (const auto arguments : {kObject, kText}) {
    for (const auto content : {kEmpty, kNull}) {
      spelling.arguments = arguments;
      spelling.content = content;
      PromptJson values = {{"messages", PromptJson::array()}, {"add_generation_prompt", true}};
      for (const Message& message : {Message::user("qzquestion"), call, result})
        values["messages"].push_back(message_json(message, spelling));
      const auto prompt = try_it(values);
      if (prompt && shows_calls(*prompt)) return spelling;
    }
  }
  spelling.arguments = kObject;
  spelling.content = kEmpty;
  spelling.as_text = true;
  return spelling;
}

PromptJson message_json(const Message& message, const CallSpelling& spelling) {
  if (spelling.as_text && (message.role == Role::kTool || !message.tool_calls.empty())) return message_as_text(message);
  PromptJson json = {{"role", role_name(message.role)}, {"content", message.text()}};
  const bool no_text = !message.tool_calls.empty() && message.text().empty();
  if (no_text && spelling.content == CallSpelling::Content::kNull) json["content"] = nullptr;
  // A template that calls it thinking takes either that or text beside calls.
  if (!message.reasoning.empty() && (spelling.reasoning_key != "thinking" || no_text || message.tool_calls.empty()))
    json[spelling.reasoning_key] = message.reasoning;
  if (!message.name.empty()) json["name"] = message.name;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  for (const ToolCall& call : message.tool_calls) {
    PromptJson arguments = call.arguments;
    if (spelling.arguments == CallSpelling::Arguments::kObject) {
      PromptJson parsed = PromptJson::parse(call.arguments, nullptr, false);
      if (!parsed.is_discarded()) arguments = std::move(parsed);
    }
    json["tool_calls"].push_back({{"type", "function"},
                                  {"id", call.id},
                                  {"function", {{"name", call.name}, {"arguments", std::move(arguments)}}}});
  }
  return json;
}

void add_tools(PromptJson& values, const std::vector<Tool>& tools, const CallSpelling& spelling) {
  if (tools.empty()) return;
  PromptJson list = PromptJson::array();
  for (const Tool& tool : tools) list.push_back(tool_json(tool));
  switch (spelling.list) {
    case ToolList::kVariable: values["tools"] = std::move(list); return;
    case ToolList::kMessage: {
      PromptJson functions = PromptJson::array();
      for (PromptJson& tool : list) functions.push_back(std::move(tool["function"]));
      put_into(values["messages"], "system", "tools", dumped(functions));
      return;
    }
    case ToolList::kSystem:
    case ToolList::kUser: break;
  }
  std::string lines;
  for (const PromptJson& tool : list) lines += (lines.empty() ? "" : "\n") + dumped(tool["function"]);
  put_into(values["messages"], spelling.list == ToolList::kUser ? "user" : "system", "content",
           fmt::format(kInstructions, lines));
}

}  // namespace hearth::generate
