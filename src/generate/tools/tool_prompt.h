// How a chat template wants tools, calls and results to be given, found out by trying it once.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "generate/tools/call_format.h"
#include "hearth/request.h"
#include "text/chat_template.h"

namespace hearth::generate {

/// Where a template expects the list of tools.
enum class ToolList : std::uint8_t {
  kVariable,  // the variable `tools`
  kMessage,   // "tools" of the system message, as text
  kSystem,    // it does not know tools: a system message describes them
  kUser,      // nor does it know system messages: the first message of the user does
};

/// How it takes messages that hold calls or results.
struct CallSpelling {
  enum class Arguments : std::uint8_t { kObject, kText } arguments = Arguments::kObject;
  enum class Content : std::uint8_t { kEmpty, kNull } content = Content::kEmpty;  // of a message without text
  /// It has no place for calls and results: they are written into the text of messages, in the generic format.
  bool as_text = false;
  ToolList list = ToolList::kVariable;
  std::string_view reasoning_key = "reasoning_content";
  friend bool operator==(const CallSpelling&, const CallSpelling&) = default;
};

/// Renders values of a template, as text.
using TryTemplate = std::function<Result<std::string>(const nlohmann::ordered_json& values)>;

/// Tries spellings until a conversation with a call and its result is shown whole.
CallSpelling find_call_spelling(const text::ChatTemplate& chat_template, std::string_view source,
                                const TryTemplate& try_it);

/// A message as templates see it.
nlohmann::ordered_json message_json(const Message& message, const CallSpelling& spelling);
/// Puts the tools where the template expects them.
void add_tools(nlohmann::ordered_json& values, const std::vector<Tool>& tools, const CallSpelling& spelling);

}  // namespace hearth::generate
