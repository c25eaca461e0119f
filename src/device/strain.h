// What holds this machine back at the moment: waiting for memory, disks or processors, other load, heat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hearth {

/// Absent where the system does not say.
struct Strain {
  /// Percent of the last ten seconds in which some task waited (pressure stall information).
  std::optional<double> memory_wait, io_wait, cpu_wait;
  /// Percent in which all of them waited for memory: the system does little else.
  std::optional<double> memory_stall;
  std::optional<double> load_average;  // tasks that run or want to, mean of a minute
  /// How often processors slowed themselves down for heat since the system started.
  std::optional<std::uint64_t> heat_events;
};

/// `proc` and `cpus` are where the system describes itself.
Strain read_strain(const std::string& proc = "/proc", const std::string& cpus = "/sys/devices/system/cpu");

}  // namespace hearth
