// The version of this build, in one place: what `hearth --version`, the engine registry and receipts say.
#pragma once

#include <string_view>

namespace hearth {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace hearth
