// Cores from /sys: relative capacity (arm64), else the highest frequency; siblings tell physical cores apart.
#include "device/cores.h"

#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "device/number_file.h"

namespace hearth {

std::vector<Core> usable_cores(const std::string& root) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {};
  std::vector<Core> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::filesystem::path folder = std::filesystem::path(root) / ("cpu" + std::to_string(cpu));
    Core core{.cpu = cpu};
    core.speed = read_number(folder / "cpu_capacity");
    if (core.speed == 0) core.speed = read_number(folder / "cpufreq/cpuinfo_max_freq");
    // "0,4" or "0-1": the first number is the sibling that counts.
    int first = cpu;
    std::ifstream(folder / "topology/thread_siblings_list") >> first;
    core.first = first == cpu || !CPU_ISSET(first, &allowed);
    cores.push_back(core);
  }
  return cores;
}

CoreCounts count_cores(const std::vector<Core>& cores) {
  double fastest = 0;
  for (const Core& core : cores) fastest = std::max(fastest, core.speed);
  CoreCounts counts{.big = 0, .physical = 0, .logical = static_cast<int>(cores.size())};
  for (const Core& core : cores) {
    if (!core.first) continue;
    ++counts.physical;
    if (core.speed >= 0.8 * fastest) ++counts.big;
  }
  counts.big = std::max(counts.big, 1);
  counts.physical = std::max(counts.physical, 1);
  counts.logical = std::max(counts.logical, 1);
  return counts;
}

}  // namespace hearth
