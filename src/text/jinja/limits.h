// What a rendering may cost, and the only thing of the outside world it may ask for: the time that the caller names.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hearth::text {

/// Fuel of one rendering. A template comes with a model: it is hostile.
struct TemplateLimits {
  std::uint64_t n_steps = 5'000'000;
  std::size_t macro_depth = 100;  // macros and recursive loops within each other
  std::size_t output_bytes = std::size_t{4} << 20;
  std::size_t memory_bytes = std::size_t{64} << 20;  // of all values made while rendering
  std::chrono::milliseconds cpu{100};
};

/// A moment on the wall clock of wherever the user is.
struct LocalTime {
  int year = 1970, month = 1, day = 1;  // month and day from 1
  int hour = 0, minute = 0, second = 0;
};

namespace jinja {
using Limits = TemplateLimits;
}

}  // namespace hearth::text
