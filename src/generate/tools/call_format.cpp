// The table of families. Texts are those that the models' own chat templates write.
#include "generate/tools/call_format.h"

#include <algorithm>

#include <fmt/format.h>

namespace hearth::generate {

namespace {

using enum CallSyntax;

// Formats that several families share.
constexpr CallFormat kHermes{.syntax = kObject, .call_open = "<tool_call>", .call_close = "</tool_call>"};
constexpr CallFormat kFunctionTag{
    .syntax = kNameJson, .call_open = "<function=", .call_close = "</function>", .name_close = ">"};
constexpr CallFormat kCoder{.syntax = kNameTags,
                            .call_open = "<tool_call>\n<function=",
                            .call_close = "</function>\n</tool_call>",
                            .name_close = ">\n",
                            .key_open = "<parameter=",
                            .key_close = ">\n",
                            .value_close = "\n</parameter>\n"};
constexpr CallFormat kPythonTag{
    .syntax = kObject, .block_open = "<|python_tag|>", .separator = "; ", .arguments_key = "parameters"};
constexpr CallFormat kBareObject{.syntax = kObject, .separator = "; ", .arguments_key = "parameters"};
constexpr CallFormat kBarePython{.syntax = kPython, .list_open = "[", .list_close = "]", .separator = ", "};
constexpr CallFormat kMistralList{
    .syntax = kObject, .block_open = "[TOOL_CALLS]", .list_open = "[", .list_close = "]", .separator = ", "};
constexpr CallFormat kMistralName{
    .syntax = kNameJson, .call_open = "[TOOL_CALLS]", .name_close = "[ARGS]", .id_mark = "[CALL_ID]"};
constexpr CallFormat kGraniteList{
    .syntax = kObject, .block_open = "<|tool_call|>", .list_open = "[", .list_close = "]", .separator = ", "};
constexpr CallFormat kFunctools{
    .syntax = kObject, .block_open = "functools", .list_open = "[", .list_close = "]", .separator = ", "};
constexpr CallFormat kActionTag{.syntax = kObject,
                                .block_open = "<|START_ACTION|>",
                                .block_close = "<|END_ACTION|>",
                                .list_open = "[",
                                .list_close = "]",
                                .separator = ",\n",
                                .name_key = "tool_name",
                                .arguments_key = "parameters",
                                .id_key = "tool_call_id"};
constexpr CallFormat kActionFence{.syntax = kObject,
                                  .block_open = "Action:",
                                  .block_close = "```",
                                  .list_open = " ```json\n[",
                                  .list_close = "]\n",
                                  .separator = ",\n",
                                  .name_key = "tool_name",
                                  .arguments_key = "parameters",
                                  .id_key = "tool_call_id"};
// DeepSeek writes full-width bars and U+2581.
constexpr CallFormat kDeepSeekFence{
    .syntax = kNameJson,
    .block_open = "<\uFF5Ctool\u2581calls\u2581begin\uFF5C>",
    .block_close = "<\uFF5Ctool\u2581calls\u2581end\uFF5C>",
    .separator = "\n",
    .call_open = "<\uFF5Ctool\u2581call\u2581begin\uFF5C>function<\uFF5Ctool\u2581sep\uFF5C>",
    .call_close = "\n```<\uFF5Ctool\u2581call\u2581end\uFF5C>",
    .name_close = "\n```json\n"};
constexpr CallFormat kDeepSeekPlain{.syntax = kNameJson,
                                    .block_open = "<\uFF5Ctool\u2581calls\u2581begin\uFF5C>",
                                    .block_close = "<\uFF5Ctool\u2581calls\u2581end\uFF5C>",
                                    .call_open = "<\uFF5Ctool\u2581call\u2581begin\uFF5C>",
                                    .call_close = "<\uFF5Ctool\u2581call\u2581end\uFF5C>",
                                    .name_close = "<\uFF5Ctool\u2581sep\uFF5C>"};

constexpr CallFormat dsml(std::string_view block_open, std::string_view block_close) {
  return {.syntax = kNameTags,
          .block_open = block_open,
          .block_close = block_close,
          .separator = "\n",
          .call_open = "<\uFF5CDSML\uFF5Cinvoke name=\"",
          .call_close = "</\uFF5CDSML\uFF5Cinvoke>\n",
          .name_close = "\">\n",
          .key_open = "<\uFF5CDSML\uFF5Cparameter name=\"",
          .key_close = "\"",
          .value_open = ">",
          .value_close = "</\uFF5CDSML\uFF5Cparameter>\n",
          .string_mark = " string=\"true\"",
          .other_mark = " string=\"false\""};
}

// NOLINTNEXTLINE(readability-function-size): a table, one entry per family
std::vector<CallFamily> make_families() {
  return {
      {"gpt-oss",
       {{"<|channel|>", "<|message|>", "<|start|>"}},
       {{.syntax = kRecipient,
         .call_open = "<|channel|>commentary to=",
         .name_prefix = "functions.",
         .name_close = " <|constrain|>json<|message|>"}}},
      {"functionary-3.2", {{">>>${recipient}"}}, {{.syntax = kRecipient, .call_open = ">>>", .name_close = "\n"}}},
      {"functionary-3.1", {{"<function=", "</function>", "<|python_tag|>"}}, {kFunctionTag}},
      {"kimi",
       {{"<|tool_calls_section_begin|>"}},
       {{.syntax = kNameJson,
         .block_open = "<|tool_calls_section_begin|>",
         .block_close = "<|tool_calls_section_end|>",
         .call_open = "<|tool_call_begin|>",
         .call_close = "<|tool_call_end|>",
         .name_prefix = "functions.",
         .name_close = "<|tool_call_argument_begin|>",
         .id_mark = ":"}}},
      {"deepseek-r1", {{"<\uFF5Ctool\u2581sep\uFF5C>", "```json"}}, {kDeepSeekFence, kDeepSeekPlain}},
      {"deepseek-v3.1", {{"<\uFF5Ctool\u2581sep\uFF5C>"}}, {kDeepSeekPlain, kDeepSeekFence}},
      {"deepseek-dsml",
       {{"\uFF5CDSML\uFF5C", "tool_calls>"}, {"\uFF5CDSML\uFF5C"}},
       {dsml("<\uFF5CDSML\uFF5Ctool_calls>", "</\uFF5CDSML\uFF5Ctool_calls>"),
        dsml("<\uFF5CDSML\uFF5Cfunction_calls>", "</\uFF5CDSML\uFF5Cfunction_calls>")}},
      {"gemma-4",
       {{"<|tool_call>", "<tool_call|>"}},
       {{.syntax = kNameBraces, .call_open = "<|tool_call>call:", .call_close = "<tool_call|>", .quote = "<|\"|>"}}},
      {"function-gemma",
       {{"<start_function_call>"}},
       {{.syntax = kNameBraces,
         .call_open = "<start_function_call>call:",
         .call_close = "<end_function_call>",
         .quote = "<escape>"}}},
      {"seed-oss",
       {{"<seed:tool_call>"}},
       {{.syntax = kNameTags,
         .block_open = "<seed:tool_call>",
         .block_close = "</seed:tool_call>",
         .separator = "\n",
         .call_open = "<function=",
         .call_close = "</function>\n",
         .name_close = ">\n",
         .key_open = "<parameter=",
         .key_close = ">",
         .value_close = "</parameter>\n"}}},
      {"minimax",
       {{"<minimax:tool_call>"}},
       {{.syntax = kNameTags,
         .block_open = "<minimax:tool_call>",
         .block_close = "</minimax:tool_call>",
         .separator = "\n",
         .call_open = "<invoke name=\"",
         .call_close = "</invoke>\n",
         .name_close = "\">\n",
         .key_open = "<parameter name=\"",
         .key_close = "\"",
         .value_open = ">",
         .value_close = "</parameter>\n"}}},
      {"glm-4.5",
       {{"<tool_call>", "<arg_key>"}},
       {{.syntax = kNameTags,
         .call_open = "<tool_call>",
         .call_close = "</tool_call>",
         .name_close = "\n",
         .key_open = "<arg_key>",
         .key_close = "</arg_key>\n",
         .value_open = "<arg_value>",
         .value_close = "</arg_value>\n"},
        kHermes}},
      {"qwen3-coder", {{"<tool_call>", "<function=", "<parameter="}}, {kCoder, kHermes}},
      {"mistral", {{"[TOOL_CALLS]", "[ARGS]"}}, {kMistralName, kMistralList}},
      {"mistral-list", {{"[TOOL_CALLS]"}}, {kMistralList, kMistralName}},
      {"command-r7b", {{"<|START_ACTION|>"}}, {kActionTag}},
      {"command-r", {{"Action:", "tool_name"}}, {kActionFence, kActionTag}},
      {"apertus",
       {{"<|tools_prefix|>"}},
       {{.syntax = kSoleMember,
         .block_open = "<|tools_prefix|>",
         .block_close = "<|tools_suffix|>",
         .list_open = "[",
         .list_close = "]",
         .separator = ", "}}},
      {"apriel",
       {{"<tool_calls>", "</tool_calls>"}},
       {{.syntax = kObject,
         .block_open = "<tool_calls>",
         .block_close = "</tool_calls>",
         .list_open = "[",
         .list_close = "]",
         .separator = ", "},
        kHermes}},
      {"gigachat", {{"<|function_call|>"}}, {{.syntax = kObject, .call_open = "<|function_call|>"}}},
      {"lfm2",
       {{"<|tool_call_start|>"}, {"<|tool_list_start|>"}, {"List of tools: ["}},
       {{.syntax = kPython,
         .block_open = "<|tool_call_start|>",
         .block_close = "<|tool_call_end|>",
         .list_open = "[",
         .list_close = "]",
         .separator = ", "},
        kBarePython}},
      {"firefunction", {{"functools"}}, {kFunctools}},
      {"phi-4",
       {{"<|tool|>", "<|/tool|>"}},
       {{.syntax = kObject,
         .block_open = "<|tool_call|>",
         .block_close = "<|/tool_call|>",
         .list_open = "[",
         .list_close = "]",
         .separator = ", "},
        kFunctools}},
      {"granite", {{"<|tool_call|>"}}, {kGraniteList, kHermes}},
      {"hermes", {{"<tool_call>"}}, {kHermes, kFunctionTag}},
      {"llama-4", {{"<|header_start|>", "[func_name"}}, {kBarePython, kBareObject, kPythonTag}},
      {"llama-3",
       {{"<|start_header_id|>", "\"parameters\""}, {"<|python_tag|>"}},
       {kBareObject, kPythonTag, kFunctionTag, kBarePython}},
      {"generic", {}, {kHermes}},
  };
}

}  // namespace

std::span<const CallFamily> call_families() {
  static const std::vector<CallFamily> families = make_families();
  return families;
}

const CallFamily* find_call_family(std::string_view name) {
  const auto families = call_families();
  const auto found = std::ranges::find(families, name, &CallFamily::name);
  return found == families.end() ? nullptr : &*found;
}

ChosenCalls choose_call_family(std::string_view template_source) {
  for (const CallFamily& family : call_families()) {
    for (const auto& signs : family.signs) {
      const auto holds = [&](std::string_view sign) { return template_source.find(sign) != std::string_view::npos; };
      if (!std::ranges::all_of(signs, holds)) continue;
      return {&family, fmt::format("the chat template has {}", fmt::join(signs, " and "))};
    }
  }
  return {find_call_family("generic"), "the chat template does not say how calls are written"};
}

std::vector<std::string_view> format_texts(const CallFormat& format) {
  std::vector<std::string_view> texts = {format.block_open,  format.block_close, format.list_open,  format.list_close,
                                         format.separator,   format.call_open,   format.call_close, format.name_close,
                                         format.id_mark,     format.key_open,    format.key_close,  format.value_open,
                                         format.value_close, format.quote};
  std::erase_if(texts, [](std::string_view text) { return text.empty(); });
  return texts;
}

}  // namespace hearth::generate
