// The built-in templates, written from the formats that the models' makers describe, and the rules of choice.
#include "text/template_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace hearth::text {

namespace {

/// What every built-in template begins with: text(content) for contents that are lists of parts.
constexpr std::string_view kShared = R"(
{%- macro text(content) -%}
  {%- if content is string -%}{{ content }}
  {%- elif content is iterable and content is not mapping -%}
    {%- for part in content -%}{{ part.text if part is mapping else part }}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
)";

constexpr std::array kTemplates = {
    NamedTemplate{"alpaca", R"(
{%- for m in messages -%}
  {%- if m.role == 'system' %}{{ text(m.content) + '\n\n' }}
  {%- elif m.role == 'assistant' %}{{ '### Response:\n' + text(m.content) + '\n\n' }}
  {%- else %}{{ '### Instruction:\n' + text(m.content) + '\n\n' }}{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '### Response:\n' }}{% endif -%}
)"},
    NamedTemplate{"chatml", R"(
{%- for m in messages -%}
  {{ '<|im_start|>' + m.role + '\n' + text(m.content) + '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif -%}
)"},
    NamedTemplate{"command-r", R"(
{{- bos_token -}}
{%- for m in messages -%}
  {%- set speaker = {'system': 'SYSTEM', 'assistant': 'CHATBOT'}.get(m.role, 'USER') -%}
  {{ '<|START_OF_TURN_TOKEN|><|' + speaker + '_TOKEN|>' + text(m.content)|trim + '<|END_OF_TURN_TOKEN|>' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif -%}
)"},
    NamedTemplate{"deepseek", R"(
{{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == 'assistant' %}{{ '<\uFF5CAssistant\uFF5C>' + text(m.content) + '<\uFF5Cend\u2581of\u2581sentence\uFF5C>' }}
  {%- elif m.role == 'system' %}{{ text(m.content) }}
  {%- else %}{{ '<\uFF5CUser\uFF5C>' + text(m.content) }}{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<\uFF5CAssistant\uFF5C>' }}{% endif -%}
)"},
    NamedTemplate{"gemma", R"(
{{- bos_token -}}
{%- set state = namespace(system='') -%}
{%- for m in messages -%}
  {%- if m.role == 'system' %}{% set state.system = text(m.content) + '\n\n' %}
  {%- else -%}
    {{ '<start_of_turn>' + ('model' if m.role == 'assistant' else 'user') + '\n' + state.system + text(m.content)|trim
       + '<end_of_turn>\n' }}
    {%- set state.system = '' -%}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif -%}
)"},
    NamedTemplate{"glm-4", R"(
{{- '[gMASK]<sop>' -}}
{%- for m in messages %}{{ '<|' + m.role + '|>\n' + text(m.content) }}{% endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif -%}
)"},
    NamedTemplate{"granite", R"(
{%- for m in messages -%}
  {{ '<|start_of_role|>' + m.role + '<|end_of_role|>' + text(m.content) + '<|end_of_text|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif -%}
)"},
    NamedTemplate{"llama-2", R"(
{%- set state = namespace(system='') -%}
{%- for m in messages -%}
  {%- if m.role == 'system' %}{% set state.system = '<<SYS>>\n' + text(m.content) + '\n<</SYS>>\n\n' %}
  {%- elif m.role == 'assistant' %}{{ ' ' + text(m.content)|trim + ' ' + (eos_token or '</s>') }}
  {%- else -%}
    {{ (bos_token or '<s>') + '[INST] ' + state.system + text(m.content)|trim + ' [/INST]' }}
    {%- set state.system = '' -%}
  {%- endif -%}
{%- endfor -%}
)"},
    NamedTemplate{"llama-3", R"(
{{- bos_token -}}
{%- for m in messages -%}
  {{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + text(m.content)|trim + '<|eot_id|>' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif -%}
)"},
    NamedTemplate{"mistral", R"(
{{- bos_token -}}
{%- set state = namespace(system='') -%}
{%- for m in messages -%}
  {%- if m.role == 'system' %}{% set state.system = text(m.content) + '\n\n' %}
  {%- elif m.role == 'assistant' %}{{ ' ' + text(m.content)|trim + (eos_token or '</s>') }}
  {%- else %}{{ '[INST] ' + state.system + text(m.content) + '[/INST]' }}{% set state.system = '' %}{% endif -%}
{%- endfor -%}
)"},
    NamedTemplate{"phi-3", R"(
{{- bos_token -}}
{%- for m in messages %}{{ '<|' + m.role + '|>\n' + text(m.content) + '<|end|>\n' }}{% endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif -%}
)"},
    NamedTemplate{"phi-4", R"(
{%- for m in messages -%}
  {{ '<|im_start|>' + m.role + '<|im_sep|>' + text(m.content) + '<|im_end|>' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif -%}
)"},
    NamedTemplate{"plain", R"(
{{- bos_token -}}
{%- for m in messages -%}
  {%- set speaker = {'system': '', 'assistant': 'Assistant: '}.get(m.role, 'User: ') -%}
  {{ speaker + text(m.content)|trim + '\n\n' }}
{%- endfor -%}
{%- if add_generation_prompt %}{{ 'Assistant:' }}{% endif -%}
)"},
    NamedTemplate{"vicuna", R"(
{{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == 'system' %}{{ text(m.content) + '\n\n' }}
  {%- elif m.role == 'assistant' %}{{ 'ASSISTANT: ' + text(m.content) + (eos_token or '</s>') + '\n' }}
  {%- else %}{{ 'USER: ' + text(m.content) + '\n' }}{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif -%}
)"},
    NamedTemplate{"zephyr", R"(
{%- for m in messages %}{{ '<|' + m.role + '|>\n' + text(m.content) + (eos_token or '</s>') + '\n' }}{% endfor -%}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif -%}
)"},
};
static_assert(std::ranges::is_sorted(kTemplates, {}, &NamedTemplate::name));

/// Other names that people use.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kAliases = {{
    {"qwen", "chatml"},
    {"llama2", "llama-2"},
    {"llama3", "llama-3"},
    {"phi", "phi-3"},
    {"glm", "glm-4"},
}};

/// Tokens that speak for a format; the first rule whose tokens are all there holds.
struct Rule {
  std::array<std::string_view, 2> tokens;
  std::string_view name;
};
constexpr std::array kRules = {
    Rule{{"<|im_start|>", "<|im_sep|>"}, "phi-4"},
    Rule{{"<|im_start|>", "<|im_end|>"}, "chatml"},
    Rule{{"<|start_header_id|>", "<|eot_id|>"}, "llama-3"},
    Rule{{"<start_of_turn>", "<end_of_turn>"}, "gemma"},
    Rule{{"<|START_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>"}, "command-r"},
    Rule{{"<|start_of_role|>", "<|end_of_role|>"}, "granite"},
    Rule{{"<\xEF\xBD\x9CUser\xEF\xBD\x9C>",
          "<\xEF\xBD\x9C"
          "Assistant\xEF\xBD\x9C>"},
         "deepseek"},
    Rule{{"[gMASK]", "<|user|>"}, "glm-4"},
    Rule{{"<|user|>", "<|end|>"}, "phi-3"},
    Rule{{"<|user|>", "<|assistant|>"}, "zephyr"},
    Rule{{"[INST]", "[/INST]"}, "mistral"},
};

Result<ChosenTemplate> parsed(std::string_view source, std::string origin, std::string why) {
  auto chat_template = ChatTemplate::parse(source);
  if (!chat_template) return std::unexpected(std::move(chat_template.error()).within(origin));
  return ChosenTemplate{std::move(*chat_template), std::move(origin), std::move(why)};
}

Result<ChosenTemplate> named(std::string_view name, std::string why) {
  HEARTH_TRY(const std::string source, named_template_source(name));
  return parsed(source, fmt::format("built-in {}", name), std::move(why));
}

}  // namespace

std::span<const NamedTemplate> named_templates() {
  return kTemplates;
}

Result<std::string> named_template_source(std::string_view name) {
  const auto alias = std::ranges::find(kAliases, name, &std::pair<std::string_view, std::string_view>::first);
  if (alias != kAliases.end()) name = alias->second;
  const auto found = std::ranges::find(kTemplates, name, &NamedTemplate::name);
  if (found != kTemplates.end()) return std::string(kShared) + std::string(found->body);
  std::vector<std::string_view> names;
  for (const NamedTemplate& each : kTemplates) names.push_back(each.name);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no built-in chat template \"{}\"; the names are {}", name, fmt::join(names, ", ")));
}

Result<ChosenTemplate> choose_template(const TemplateCandidates& candidates) {
  if (!candidates.given_source.empty()) {
    return parsed(candidates.given_source, "file " + candidates.given_origin, "the caller gave this template");
  }
  if (!candidates.given_name.empty()) return named(candidates.given_name, "the caller named it");
  if (candidates.tools == TemplateCandidates::Tools::kSome && !candidates.model_tool_source.empty()) {
    return parsed(candidates.model_tool_source, "model (tool_use)",
                  "the model has a template for conversations with tools");
  }
  if (!candidates.model_source.empty()) return parsed(candidates.model_source, "model", "it is the model's own");
  for (const Rule& rule : kRules) {
    const bool all = candidates.has_token != nullptr && std::ranges::all_of(rule.tokens, candidates.has_token);
    if (!all) continue;
    return named(rule.name, fmt::format("the model has no template; its vocabulary has {} and {}", rule.tokens[0],
                                        rule.tokens[1]));
  }
  return named("plain", "the model has no template, and no token of its vocabulary speaks for a known one");
}

}  // namespace hearth::text
