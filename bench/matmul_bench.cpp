// How fast each kernel table multiplies each weight type: by matrix and number of columns. GB/s are the weights read
// once per call (decoding has 1 column), GOP/s the multiplications and additions (a prompt has many).
#include <memory>
#include <string>

#include "kernel_cases.h"
#include "micro_bench.h"

namespace {

using namespace hearth;           // NOLINT: a program of one file
using namespace hearth::kernels;  // NOLINT

constexpr DType kTypes[] = {DType::kQ4_K,   DType::kQ6_K,   DType::kQ4_0,  DType::kQ8_0, DType::kQ5_K,
                            DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4, DType::kBF16, DType::kF16};

/// The matrix that was used last: neighbouring cases share it, and only one takes memory.
const bench::PackedWeights& weights_of(DType type, std::size_t n, std::size_t k) {
  static std::unique_ptr<bench::PackedWeights> last;
  if (!last || last->matrix().type != type || last->matrix().n != n || last->matrix().k != k) {
    last.reset();
    last = std::make_unique<bench::PackedWeights>(type, n, k);
  }
  return *last;
}

void register_case(const KernelTable& table, DType type, std::size_t n, std::size_t k, std::size_t columns) {
  const std::string name = std::string(dtype_info(type).name) + "/" + std::to_string(n) + "x" + std::to_string(k) +
                           "/columns:" + std::to_string(columns) + "/" + std::string(table.name);
  benchmark::RegisterBenchmark(name.c_str(), [=, &table](benchmark::State& state) {
    const bench::PackedWeights& weights = weights_of(type, n, k);
    bench::MatmulCase matmul(table, weights, columns);
    for (auto _ : state) matmul.run();
    bench::count_rate(state, "GB/s", static_cast<double>(weights.n_bytes()));
    bench::count_rate(state, "GOP/s", matmul.n_ops());
  })->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t kSlowColumns = 8;       // more take the scalar table seconds
  constexpr std::size_t kRowsOfMemory = 65536;  // more than most caches hold, so one column waits for memory
  for (const DType type : kTypes) {
    for (const std::size_t n : {std::size_t{2048}, std::size_t{8192}, kRowsOfMemory}) {
      for (const std::size_t columns : {1, 4, 5, 8, 64, 512}) {
        if (n == kRowsOfMemory && columns > 1) continue;
        for (const KernelTable* table : bench::supported_tables()) {
          if (bench::is_scalar(*table) && columns > kSlowColumns) continue;
          register_case(*table, type, n, 2048, columns);
        }
      }
    }
  }
  return bench::run_registered(argc, argv);
}
