// Which processors this process may use, and which of them are the fast ones.
#pragma once

#include <string>
#include <vector>

namespace hearth {

/// A logical processor this process may run on.
struct Core {
  int cpu = 0;
  double speed = 0;   // relative to the others, in the system's own unit; 0 where it does not say
  bool first = true;  // of the logical processors that share one physical core
};

/// Ascending by number. `root` is where the system describes its processors.
std::vector<Core> usable_cores(const std::string& root = "/sys/devices/system/cpu");

/// How many of them there are by kind: the numbers of threads worth trying.
struct CoreCounts {
  int big = 1;       // physical cores no slower than four fifths of the fastest
  int physical = 1;  // physical cores
  int logical = 1;
};
CoreCounts count_cores(const std::vector<Core>& cores);

}  // namespace hearth
