// The options that a person may change in the middle of a conversation.
#pragma once

#include <string_view>

#include "base/result.h"
#include "hearth/request.h"

namespace hearth::cli {

/// temperature, top_p, top_k, min_p, repetition_penalty, max_tokens, seed, thinking: a value, or "default".
Status set_option(Request& request, std::string_view name, std::string_view value);

}  // namespace hearth::cli
