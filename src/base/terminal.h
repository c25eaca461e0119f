// Whether a standard stream leads to a person.
#pragma once

#include <cstdint>

namespace hearth {

enum class StandardStream : std::uint8_t { kInput, kOutput, kError };

bool is_terminal(StandardStream stream);

}  // namespace hearth
