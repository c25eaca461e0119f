// What every micro-benchmark does around its cases: the tables of this CPU, rates, the program.
#pragma once

#include <benchmark/benchmark.h>

#include "kernels/supported_tables.h"
#include "kernels/table.h"

namespace hearth::bench {

using kernels::testing::supported_tables;

/// The scalar table is the specification: it is measured only where that takes little time.
inline bool is_scalar(const kernels::KernelTable& table) {
  return table.name == "scalar";
}

/// `amount` per call as a rate: bytes as "GB/s", operations as "GOP/s".
inline void count_rate(benchmark::State& state, const char* name, double amount) {
  state.counters[name] = benchmark::Counter(amount * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

inline int run_registered(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace hearth::bench
