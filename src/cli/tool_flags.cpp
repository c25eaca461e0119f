// {"name", "description", "parameters"} as OpenAI's API has them, and "command" beside them.
#include "cli/tool_flags.h"

#include "base/file.h"
#include "cli/program.h"
#include "cli/visible_text.h"
#include "generate/request_json.h"
#include "generate/shallow_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kLargestToolFile = std::uint64_t{16} << 20;
constexpr std::size_t kLargestResult = std::size_t{1} << 20;

/// Takes "command" out of a tool's description; nothing when there is none.
Result<std::vector<std::string>> take_command(OrderedJson& tool) {
  std::vector<std::string> command;
  if (!tool.is_object() || !tool.contains("command")) return command;
  const OrderedJson given = tool["command"];
  tool.erase("command");
  const auto mistake = [] {
    return fail(ErrorCode::kInvalidArgument,
                "\"command\": expected a list of texts, such as [\"./weather\", \"--now\"]");
  };
  if (!given.is_array() || given.empty()) return mistake();
  for (const OrderedJson& word : given) {
    if (!word.is_string()) return mistake();
    command.push_back(word.get<std::string>());
  }
  return command;
}

struct ReadTool {
  Tool tool;
  std::vector<std::string> command;
};

Result<std::vector<ReadTool>> read_tools(const std::string& path) {
  HEARTH_TRY(const std::string text, read_file(path, kLargestToolFile));
  HEARTH_TRY(OrderedJson json, generate::parse_shallow_json(text));
  if (!json.is_array()) json = OrderedJson::array({std::move(json)});
  std::vector<ReadTool> all;
  for (OrderedJson& entry : json) {
    ReadTool one;
    HEARTH_TRY(one.command, take_command(entry));
    HEARTH_TRY(std::vector<Tool> tools, generate::parse_tools(OrderedJson::array({entry})));
    one.tool = std::move(tools.front());
    all.push_back(std::move(one));
  }
  return all;
}

std::string shortened(std::string text) {
  constexpr std::size_t kMost = 200;
  while (text.ends_with('\n')) text.pop_back();
  if (text.size() <= kMost) return text;
  text.resize(kMost);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0u) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  return text + "...";
}

}  // namespace

void ToolFlags::declare(Flags& flags) {
  flags.texts(
      "--tool", files_, "FILE",
      "Functions the model may call, as JSON; a \"command\" in it answers the calls (docs/tools.md); repeatable");
  flags.text("--tool-choice", choice_, "auto|none|required|NAME", "Whether a tool must be called");
  flags.count("--max-steps", max_steps_, 1, 1000, "Answers of the model while tools are called (default: 8)");
}

Checked<void> ToolFlags::add_to(Request& request) {
  for (const std::string& path : files_) {
    auto tools = read_tools(path);
    if (!tools) return std::unexpected(Failure(std::move(tools.error()).within("reading the tools in " + path)));
    for (ReadTool& one : *tools) {
      request.tools.push_back(one.tool);
      if (!one.command.empty()) commands_.push_back({std::move(one.tool), std::move(one.command)});
    }
  }
  if (!commands_.empty() && commands_.size() != request.tools.size())
    return usage_error("some tools have a \"command\" and some have none: either all calls are answered, or none");
  if (request.tools.empty() && (!choice_.empty() || max_steps_))
    return usage_error("--tool-choice and --max-steps need a --tool");
  if (max_steps_ && commands_.empty())
    return usage_error("--max-steps counts answers while calls are answered; no --tool has a \"command\"");
  using Kind = ToolChoice::Kind;
  request.tool_choice.kind = choice_.empty() || choice_ == "auto" ? Kind::kAuto
                             : choice_ == "none"                  ? Kind::kNone
                             : choice_ == "required"              ? Kind::kRequired
                                                                  : Kind::kNamed;
  if (request.tool_choice.kind == Kind::kNamed) request.tool_choice.name = choice_;
  return {};
}

Toolbox ToolFlags::box() const {
  Toolbox box;
  for (const Answered& one : commands_) {
    box.add(one.tool, [command = one.command](const std::string& arguments) {
      return run_program(command, arguments, kLargestResult);
    });
  }
  return box;
}

std::string told(const ToolResult& result) {
  return visible_text(
      fmt::format("{}({}) -> {}", result.call.name, shortened(result.call.arguments), shortened(result.text)));
}

}  // namespace hearth::cli
