// What a mistyped word was probably meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hearth {

/// The candidate that needs the fewest edits to become `word`; empty where more than a third of its letters would
/// change.
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

/// ` (did you mean X?)`, or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace hearth
