// Processor time of the calling thread: what work costs, however busy the machine is.
#pragma once

#include <chrono>

namespace hearth {

std::chrono::nanoseconds thread_cpu_time();

}  // namespace hearth
