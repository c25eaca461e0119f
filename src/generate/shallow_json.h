// JSON from hostile text, of a depth that whoever walks it can take.
#pragma once

#include <string_view>

#include "base/result.h"

#include <nlohmann/json_fwd.hpp>

namespace hearth::generate {

/// Refuses what is no JSON or no UTF-8, and says where and why, and what is nested more than 200 levels deep.
Result<nlohmann::ordered_json> parse_shallow_json(std::string_view text);

}  // namespace hearth::generate
