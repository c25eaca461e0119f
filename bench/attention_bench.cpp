// How close attention comes to the processor's multiply-add rate: one block of 256 positions, by table, type of keys
// and values, head size and number of query rows.
#include <string>

#include "kernel_cases.h"
#include "micro_bench.h"

int main(int argc, char** argv) {
  using namespace hearth;           // NOLINT: a program of one file
  using namespace hearth::kernels;  // NOLINT
  constexpr const char* kTypeNames[] = {"f16", "f32", "q8_0"};
  for (const KernelTable* table : bench::supported_tables()) {
    if (bench::is_scalar(*table)) continue;
    for (const KvType type : {KvType::kF16, KvType::kF32, KvType::kQ8_0}) {
      for (const std::size_t dim : {64, 128}) {
        for (const std::size_t n_rows : {1, 4, 8, 64}) {
          const std::string name = std::string(table->name) + "/" + kTypeNames[static_cast<int>(type)] +
                                   "/dim:" + std::to_string(dim) + "/rows:" + std::to_string(n_rows);
          benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
            bench::AttentionCase attention(*table, type, dim, n_rows);
            for (auto _ : state) attention.run();
            bench::count_rate(state, "GB/s", attention.n_bytes());
            bench::count_rate(state, "GOP/s", attention.n_ops());
          });
        }
      }
    }
  }
  return bench::run_registered(argc, argv);
}
