// Requests as JSON, with the names of OpenAI's chat API where it has one: what crosses from foreign languages.
#pragma once

#include <string_view>

#include "base/result.h"
#include "hearth/request.h"

#include <nlohmann/json_fwd.hpp>

namespace hearth::generate {

/// Hostile text. A member that nobody knows or that has the wrong type is an error which names it: docs/c-api.md lists
/// what there is.
Result<Request> parse_request(std::string_view json);
Result<Request> parse_request_object(const nlohmann::ordered_json& json);
/// The list that "tools" is: {"name", "description", "parameters"}, also inside {"type": "function", "function": ...}.
Result<std::vector<Tool>> parse_tools(const nlohmann::ordered_json& json);

}  // namespace hearth::generate
