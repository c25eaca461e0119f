// Strict UTF-8 in and out: every byte that is no part of a valid character stands alone and is marked as such.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text {

/// U+FFFD, what an invalid byte is taken for when characters are classified and what replaces it when text is shown.
inline constexpr std::uint32_t kReplacementChar = 0xFFFD;
inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";
/// U+2581, the visible space of SentencePiece vocabularies.
inline constexpr std::string_view kVisibleSpace = "\xE2\x96\x81";

struct Utf8Char {
  std::uint32_t code = kReplacementChar;
  std::uint32_t n_bytes = 1;
  bool valid = false;
};

/// The character at `pos`, which must be below text.size(). Overlong forms, surrogates, values above U+10FFFF and cut
/// sequences are invalid: one byte long, kReplacementChar.
Utf8Char decode_utf8(std::string_view text, std::size_t pos);

/// Appends `code` (any value up to U+10FFFF) as UTF-8.
void append_utf8(std::string& out, std::uint32_t code);

/// How many bytes at the end of `bytes` are the beginning of a valid character whose rest is still missing: 0 to 3.
std::size_t incomplete_utf8_tail(std::string_view bytes);

/// The same text with U+FFFD for every invalid byte; a cut character is one U+FFFD (the "maximal subpart" of Unicode).
std::string to_valid_utf8(std::string_view bytes);

}  // namespace hearth::text
