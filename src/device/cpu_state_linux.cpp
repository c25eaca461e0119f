// Clock and temperature from /sys and /proc.
#include "device/cpu_state.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "device/number_file.h"

namespace hearth {

namespace {

/// The mean of the "cpu MHz" lines: what virtual machines show, where /sys knows no frequencies.
double clock_of_cpuinfo() {
  std::ifstream in("/proc/cpuinfo");
  double sum = 0;
  int n = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("cpu MHz")) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    sum += std::strtod(line.c_str() + colon + 1, nullptr);
    ++n;
  }
  return n == 0 ? 0 : sum / n;
}

}  // namespace

CpuState read_cpu_state() {
  namespace fs = std::filesystem;
  CpuState state;
  std::error_code none;
  double sum = 0;
  int n = 0;
  for (const auto& cpu : fs::directory_iterator("/sys/devices/system/cpu", none)) {
    if (const double khz = read_number(cpu.path() / "cpufreq/scaling_cur_freq"); khz > 0) {
      sum += khz / 1000;
      ++n;
    }
  }
  state.clock_mhz = n == 0 ? clock_of_cpuinfo() : sum / n;
  for (const auto& zone : fs::directory_iterator("/sys/class/thermal", none)) {
    state.temperature = std::max(state.temperature, read_number(zone.path() / "temp") / 1000);
  }
  return state;
}

}  // namespace hearth
