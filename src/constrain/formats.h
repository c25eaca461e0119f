// The string formats that are enforced, each as a pattern: one definition for judging and for generating.
#pragma once

#include <span>
#include <string_view>

namespace hearth::constrain {

struct FormatInfo {
  std::string_view name;
  std::string_view pattern;                  // ECMA-262, of the whole string
  std::string_view generated = {};           // a narrower one to generate by, where the rest is no pattern
  bool (*also)(std::string_view) = nullptr;  // what else must hold
};
std::span<const FormatInfo> format_table();

}  // namespace hearth::constrain
