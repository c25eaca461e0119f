// Limits on running time. HEARTH_SLOWER_BY says how many times slower this run is: a watched build, an emulator.
#pragma once

#include <cstdlib>

namespace hearth::testing {

/// The limit for this run, where a release build on the machine itself keeps to `seconds`.
inline double time_limit(double seconds) {
  const char* const factor = std::getenv("HEARTH_SLOWER_BY");
  return seconds * (factor ? std::atof(factor) : 1);
}

}  // namespace hearth::testing
