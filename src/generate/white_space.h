// The bytes that count as white space around thoughts, calls and sentences.
#pragma once

#include <string_view>

namespace hearth::generate {

inline constexpr std::string_view kWhiteSpace = " \t\r\n";

}  // namespace hearth::generate
