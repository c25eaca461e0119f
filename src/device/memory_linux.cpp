// Memory on Linux: /proc/meminfo, control groups of version 2 and 1, resource limits.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "device/memory.h"

namespace hearth {

namespace {

namespace fs = std::filesystem;

/// The whole of a small system file; empty when it is not there.
std::string read_small(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data() + start, text.data() + text.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

/// "Name:   123 kB" -> bytes.
std::uint64_t meminfo_bytes(std::string_view meminfo, std::string_view name) {
  const std::size_t at = meminfo.find(name);
  if (at == std::string_view::npos) return 0;
  return leading_number(meminfo.substr(at + name.size())).value_or(0) * 1024;
}

/// The path of this process in the hierarchy of a controller: "" is the one of version 2.
std::string group_path(std::string_view cgroups, std::string_view controller) {
  while (!cgroups.empty()) {
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    cgroups.remove_prefix(std::min(cgroups.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    if (names == controller) return std::string(line.substr(second + 1));
  }
  return {};
}

/// Calls visit(folder) for a group and all groups around it.
template <typename Visit>
void for_each_group(const fs::path& root, const std::string& path, Visit visit) {
  fs::path folder = path;
  while (true) {
    visit(root / folder.relative_path());
    if (!folder.has_relative_path()) return;
    folder = folder.parent_path();
  }
}

void tighten(MemoryState& state, std::optional<std::uint64_t> limit, std::optional<std::uint64_t> used) {
  // Version 1 writes "no limit" as a huge number.
  if (!limit || *limit >= state.total_bytes || (state.group_limit_bytes && *state.group_limit_bytes <= *limit)) return;
  state.group_limit_bytes = limit;
  state.group_used_bytes = used.value_or(0);
}

/// A group's use without the files that the system holds in its name only as long as nobody needs the memory.
std::optional<std::uint64_t> used_for_good(const fs::path& usage, const fs::path& stat, std::string_view prefix) {
  const auto used = leading_number(read_small(usage));
  if (!used) return std::nullopt;
  const std::string lines = "\n" + read_small(stat);
  std::uint64_t files = 0;
  for (const std::string_view which : {"inactive_file ", "active_file "}) {
    const std::string name = "\n" + std::string(prefix) + std::string(which);
    const std::size_t at = lines.find(name);
    if (at != std::string::npos) files += leading_number(std::string_view(lines).substr(at + name.size())).value_or(0);
  }
  return *used - std::min(*used, files);
}

void read_groups(MemoryState& state) {
  const std::string cgroups = read_small("/proc/self/cgroup");
  for_each_group("/sys/fs/cgroup", group_path(cgroups, ""), [&](const fs::path& folder) {
    tighten(state, leading_number(read_small(folder / "memory.max")),
            used_for_good(folder / "memory.current", folder / "memory.stat", ""));
  });
  for_each_group("/sys/fs/cgroup/memory", group_path(cgroups, "memory"), [&](const fs::path& folder) {
    tighten(state, leading_number(read_small(folder / "memory.limit_in_bytes")),
            used_for_good(folder / "memory.usage_in_bytes", folder / "memory.stat", "total_"));
  });
}

std::optional<double> read_cpu_quota() {
  std::optional<double> quota;
  const auto offer = [&](double us, double period) {
    if (us > 0 && period > 0) quota = std::min(quota.value_or(us / period), us / period);
  };
  const std::string cgroups = read_small("/proc/self/cgroup");
  for_each_group("/sys/fs/cgroup", group_path(cgroups, ""), [&](const fs::path& folder) {
    const std::string text = read_small(folder / "cpu.max");  // "max 100000" or "150000 100000"
    const auto us = leading_number(text);
    const std::size_t space = text.find(' ');
    const auto period =
        space == std::string::npos ? std::nullopt : leading_number(std::string_view(text).substr(space));
    if (us && period) offer(static_cast<double>(*us), static_cast<double>(*period));
  });
  for_each_group("/sys/fs/cgroup/cpu", group_path(cgroups, "cpu,cpuacct"), [&](const fs::path& folder) {
    const auto us = leading_number(read_small(folder / "cpu.cfs_quota_us"));
    const auto period = leading_number(read_small(folder / "cpu.cfs_period_us"));
    if (us && period) offer(static_cast<double>(*us), static_cast<double>(*period));
  });
  return quota;
}

/// glibc gives resources a type of their own, other libraries use int.
template <typename Resource>
std::optional<std::uint64_t> soft_limit(Resource resource) {
  struct rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace

MemoryState read_memory_state() {
  const std::string meminfo = read_small("/proc/meminfo");
  MemoryState state;
  state.total_bytes = meminfo_bytes(meminfo, "MemTotal:");
  state.available_bytes = meminfo_bytes(meminfo, "MemAvailable:");
  state.swap_bytes = meminfo_bytes(meminfo, "SwapTotal:");
  read_groups(state);
  return state;
}

ProcessLimits read_process_limits() {
  return {.locked_bytes = soft_limit(RLIMIT_MEMLOCK),
          .address_space_bytes = soft_limit(RLIMIT_AS),
          .open_files = soft_limit(RLIMIT_NOFILE),
          .cpu_quota = read_cpu_quota()};
}

std::uint64_t peak_process_bytes() {
  return meminfo_bytes(read_small("/proc/self/status"), "VmHWM:");
}

std::uint64_t usable_memory_bytes(const MemoryState& state) {
  if (!state.group_limit_bytes) return state.available_bytes;
  const std::uint64_t free = *state.group_limit_bytes - std::min(*state.group_limit_bytes, state.group_used_bytes);
  return std::min(state.available_bytes, free);
}

}  // namespace hearth
