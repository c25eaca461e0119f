// Base64 as tokenizer files carry bytes in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::text {

/// The bytes, or nothing where `text` is not base64 (RFC 4648: groups of four, padding only at the end).
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace hearth::text
