// Norms, gated activations, softmax, quantising and their like, by table and row length. Items are elements.
#include <string>

#include "kernel_cases.h"
#include "micro_bench.h"

int main(int argc, char** argv) {
  using namespace hearth;  // NOLINT: a program of one file
  for (const bench::RowCase::Named& named : bench::RowCase::kAll) {
    for (const std::size_t n : {2048, 8192}) {
      for (const kernels::KernelTable* table : bench::supported_tables()) {
        const std::string name = std::string(named.name) + "/n:" + std::to_string(n) + "/" + std::string(table->name);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          bench::RowCase row(*table, named.kernel, n);
          for (auto _ : state) row.run();
          state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * n));
          bench::count_rate(state, "GB/s", static_cast<double>(n * sizeof(float)));
        });
      }
    }
  }
  return bench::run_registered(argc, argv);
}
