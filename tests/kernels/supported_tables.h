// The kernel tables that this CPU runs, for tests and micro-benchmarks.
#pragma once

#include <vector>

#include "base/cpu_features.h"
#include "kernels/table.h"

namespace hearth::kernels::testing {

inline std::vector<const KernelTable*> supported_tables() {
  static const CpuFeatures cpu = detect_cpu_features();
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : all_tables()) {
    if (table->supported(cpu)) tables.push_back(table);
  }
  return tables;
}

}  // namespace hearth::kernels::testing
