// Pressure stall information, the load average and the counters of thermal throttling.
#include <filesystem>
#include <fstream>
#include <string>

#include "device/number_file.h"
#include "device/strain.h"

namespace hearth {

namespace {

/// "some avg10=1.23 avg60=..." and "full avg10=..." -> the first number of the line that begins with `which`.
std::optional<double> waited(const std::filesystem::path& file, const std::string& which) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::string start = which + " avg10=";
    if (!line.starts_with(start)) continue;
    char* end = nullptr;
    const double value = std::strtod(line.c_str() + start.size(), &end);
    if (end != line.c_str() + start.size()) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> count_heat_events(const std::filesystem::path& cpus) {
  namespace fs = std::filesystem;
  std::optional<std::uint64_t> events;
  std::error_code none;
  for (const auto& cpu : fs::directory_iterator(cpus, none)) {
    const fs::path file = cpu.path() / "thermal_throttle" / "core_throttle_count";
    if (fs::exists(file, none)) events = events.value_or(0) + static_cast<std::uint64_t>(read_number(file));
  }
  return events;
}

}  // namespace

Strain read_strain(const std::string& proc, const std::string& cpus) {
  const std::filesystem::path root(proc);
  Strain strain{.memory_wait = waited(root / "pressure/memory", "some"),
                .io_wait = waited(root / "pressure/io", "some"),
                .cpu_wait = waited(root / "pressure/cpu", "some"),
                .memory_stall = waited(root / "pressure/memory", "full"),
                .load_average = std::nullopt,
                .heat_events = count_heat_events(cpus)};
  double load = 0;
  if (std::ifstream(root / "loadavg") >> load) strain.load_average = load;
  return strain;
}

}  // namespace hearth
