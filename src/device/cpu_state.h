// How fast and how hot the processor is at the moment.
#pragma once

namespace hearth {

/// 0 where the system does not say.
struct CpuState {
  double clock_mhz = 0;    // mean of the cores
  double temperature = 0;  // degrees Celsius, hottest sensor
};

CpuState read_cpu_state();

}  // namespace hearth
