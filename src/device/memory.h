// How much memory this machine and this process may use.
#pragma once

#include <cstdint>
#include <optional>

namespace hearth {

struct MemoryState {
  std::uint64_t total_bytes = 0;      // of the machine
  std::uint64_t available_bytes = 0;  // without swapping, as the system estimates
  std::uint64_t swap_bytes = 0;
  /// The tightest limit of the control groups (containers) around this process, and what that group uses.
  std::optional<std::uint64_t> group_limit_bytes;
  std::uint64_t group_used_bytes = 0;
};

/// Limits of the process; absent = unlimited.
struct ProcessLimits {
  std::optional<std::uint64_t> locked_bytes;         // ulimit -l, for --mlock
  std::optional<std::uint64_t> address_space_bytes;  // ulimit -v
  std::optional<std::uint64_t> open_files;           // ulimit -n
  std::optional<double> cpu_quota;                   // cores' worth of time the control group grants
};

MemoryState read_memory_state();
ProcessLimits read_process_limits();
/// The most memory this process has held at once; 0 where the system does not say.
std::uint64_t peak_process_bytes();
/// What a load may take now: available memory, less where a group's limit is nearer.
std::uint64_t usable_memory_bytes(const MemoryState& state);

}  // namespace hearth
