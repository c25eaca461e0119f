// Messages: what people, models and tools say to each other, as plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hearth {

enum class Role : std::uint8_t { kSystem, kDeveloper, kUser, kAssistant, kTool };
/// "system", "developer", "user", "assistant", "tool".
std::string_view role_name(Role role);

struct TextPart {
  std::string text;
};
/// An encoded image (PNG, JPEG, ...). Refused by generators that cannot see.
struct ImagePart {
  std::string mime_type;
  std::vector<std::byte> bytes;
};
/// Encoded sound (WAV, ...). Refused by generators that cannot hear.
struct AudioPart {
  std::string mime_type;
  std::vector<std::byte> bytes;
};
using ContentPart = std::variant<TextPart, ImagePart, AudioPart>;

/// The model asks for a function to be called.
struct ToolCall {
  std::string id;  // unique within a conversation
  std::string name;
  std::string arguments;  // a JSON object, as text
};

struct Message {
  Role role = Role::kUser;
  std::vector<ContentPart> content;
  std::string reasoning;             // kAssistant: what it thought before it answered
  std::vector<ToolCall> tool_calls;  // kAssistant
  std::string tool_call_id;          // kTool: the call this answers
  std::string name;                  // of the speaker or the tool, where one is given

  static Message instruction(std::string text) { return of(Role::kSystem, std::move(text)); }
  static Message user(std::string text) { return of(Role::kUser, std::move(text)); }
  static Message assistant(std::string text) { return of(Role::kAssistant, std::move(text)); }
  static Message tool(std::string call_id, std::string text) {
    Message message = of(Role::kTool, std::move(text));
    message.tool_call_id = std::move(call_id);
    return message;
  }
  /// All text parts, joined.
  [[nodiscard]] std::string text() const;

 private:
  static Message of(Role role, std::string text) {
    Message message;
    message.role = role;
    message.content.emplace_back(TextPart{std::move(text)});
    return message;
  }
};

}  // namespace hearth
