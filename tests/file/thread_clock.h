// CPU time of this thread: what code costs, however busy the machine is.
#pragma once

#include <time.h>

namespace hearth::testing {

inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace hearth::testing
