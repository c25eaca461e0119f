// Unicode normalization forms and case mapping of whole strings, in linear time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text {

enum class UnicodeForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

/// Invalid bytes become U+FFFD.
std::string to_unicode_form(std::string_view text, UnicodeForm form);
/// Full lower-casing of Unicode as far as it does not depend on language or context: one character may become two.
std::string to_lower(std::string_view text);

}  // namespace hearth::text
