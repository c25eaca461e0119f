// Messages as JSON, in the shape of OpenAI's chat API: what files, servers and foreign languages exchange.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "hearth/message.h"

#include <nlohmann/json_fwd.hpp>

namespace hearth::generate {

nlohmann::ordered_json message_json(const Message& message);
/// {"messages": [...]}: what parse_messages takes, with its name.
nlohmann::ordered_json conversation_json(std::span<const Message> messages);
/// Errors name the member that is wrong.
Result<Message> parse_message(const nlohmann::ordered_json& json);
/// A list of messages; errors say which one is wrong.
Result<std::vector<Message>> parse_messages(const nlohmann::ordered_json& json);

}  // namespace hearth::generate
