// The alphabet of byte-level BPE: each of the 256 bytes written as one printable character (GPT-2, bytes_to_unicode).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::text {

/// The character (U+0021..U+0143) that stands for a byte.
std::uint32_t byte_to_alphabet(std::uint8_t byte);
/// The byte that a character stands for, or nothing for a character outside the alphabet.
std::optional<std::uint8_t> alphabet_to_byte(std::uint32_t code);

/// Raw bytes written in the alphabet, as UTF-8.
std::string to_byte_alphabet(std::string_view bytes);
/// The bytes that `text` stands for; where any character is outside the alphabet, `text` itself.
std::string from_byte_alphabet(std::string_view text);

/// The byte of a token written `<0xHH>` (exactly two hexadecimal digits), else nothing.
std::optional<std::uint8_t> parse_byte_token(std::string_view token);

}  // namespace hearth::text
