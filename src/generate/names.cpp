// The stable names of what requests and replies enumerate.
#include "hearth/message.h"
#include "hearth/reply.h"
#include "hearth/request.h"

namespace hearth {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kSystem: return "system";
    case Role::kDeveloper: return "developer";
    case Role::kUser: return "user";
    case Role::kAssistant: return "assistant";
    case Role::kTool: return "tool";
  }
  return "";
}

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kStopString: return "stop_string";
    case FinishReason::kMaxTokens: return "max_tokens";
    case FinishReason::kToolCalls: return "tool_calls";
    case FinishReason::kContextFull: return "context_full";
    case FinishReason::kCancelled: return "cancelled";
    case FinishReason::kDeadline: return "deadline";
    case FinishReason::kSentenceLimit: return "sentence_limit";
    case FinishReason::kError: return "error";
  }
  return "";
}

std::string_view preset_name(Preset preset) {
  switch (preset) {
    case Preset::kDefault: return "default";
    case Preset::kConversational: return "conversational";
    case Preset::kPrecise: return "precise";
    case Preset::kOfflineAssistant: return "offline-assistant";
  }
  return "";
}

std::string Message::text() const {
  std::string joined;
  for (const ContentPart& part : content) {
    if (const auto* text = std::get_if<TextPart>(&part)) joined += text->text;
  }
  return joined;
}

}  // namespace hearth
