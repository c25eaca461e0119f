// The name that somebody probably meant: a near miss is answered with it, without asking the network.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hearth::library {

/// ` (did you mean X?)`, or nothing. Signs between letters and digits do not count, so "qwen2.5:q4km" means
/// "qwen2.5:q4_k_m"; a tag of one or two letters is a size of its own and no slip.
std::string did_you_mean(std::string_view typed, std::span<const std::string> names);

}  // namespace hearth::library
