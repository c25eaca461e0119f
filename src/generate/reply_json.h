// Replies and receipts as JSON: what commands print, and what crosses to foreign languages.
#pragma once

#include "hearth/reply.h"

#include <nlohmann/json_fwd.hpp>

namespace hearth::generate {

nlohmann::ordered_json receipt_json(const Receipt& receipt);
/// {"answers": [{"message": ..., "reason": "stop", ...}], "receipt": ...}
nlohmann::ordered_json reply_json(const Reply& reply);

}  // namespace hearth::generate
