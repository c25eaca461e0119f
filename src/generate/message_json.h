// Messages as JSON, in the shape of OpenAI's chat API: what files, servers and foreign languages exchange.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/message.h"

#include <nlohmann/json_fwd.hpp>

namespace hearth::generate {

nlohmann::ordered_json message_json(const Message& message);
/// Errors name the member that is wrong.
Result<Message> parse_message(const nlohmann::ordered_json& json);
/// A list of messages; errors say which one is wrong.
Result<std::vector<Message>> parse_messages(const nlohmann::ordered_json& json);

}  // namespace hearth::generate
