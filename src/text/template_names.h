// Chat templates that we bring along, and the choice of one for a model.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/chat_template.h"

namespace hearth::text {

struct NamedTemplate {
  std::string_view name;
  std::string_view body;  // Jinja without the part that all of them share; see named_template_source
};

/// Sorted by name.
std::span<const NamedTemplate> named_templates();
/// The whole source of a named template. Errors list the names.
Result<std::string> named_template_source(std::string_view name);

/// What there is to choose from; empty means absent.
struct TemplateCandidates {
  std::string given_name;         // the caller wants this one of named_templates()
  std::string given_source;       // the caller wants this text
  std::string given_origin;       // where it comes from, for the receipt: a path
  std::string model_source;       // the model's own
  std::string model_tool_source;  // the model's own for conversations with tools
  enum class Tools : std::uint8_t { kNone, kSome } tools = Tools::kNone;
  /// Whether the model's vocabulary has a token of this name.
  std::function<bool(std::string_view)> has_token;
};

struct ChosenTemplate {
  ChatTemplate chat_template;
  std::string source;  // "model", "model (tool_use)", "file PATH", "built-in chatml"
  std::string why;     // one sentence
};

/// What the caller gave, else the model's own, else the built-in one that the vocabulary's tokens speak for.
Result<ChosenTemplate> choose_template(const TemplateCandidates& candidates);

}  // namespace hearth::text
