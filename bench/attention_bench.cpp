// How close attention comes to the processor's multiply-add rate: one block of 256 positions, by table, type of keys
// and values, head size and number of query rows. Items are multiplications and additions: items per second = FLOP/s.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/table.h"

namespace {

using namespace hearth;           // NOLINT: a program of one file
using namespace hearth::kernels;  // NOLINT

constexpr const char* kTypeNames[] = {"f16", "f32", "q8_0"};

struct Case {
  const KernelTable* table;
  KvType type;
  std::size_t dim, n_rows;
};

void attend(benchmark::State& state, const Case& c) {
  const std::size_t block_bytes = kv_block_bytes(c.type, c.dim);
  auto keys = AlignedBuffer::make(block_bytes), values = AlignedBuffer::make(block_bytes);
  auto scratch = AlignedBuffer::make(attention_scratch_bytes(c.n_rows, c.dim, c.dim));
  if (!keys || !values || !scratch) return state.SkipWithError("no memory");
  std::vector<float> vector(c.dim);
  for (std::size_t j = 0; j < kAttentionBlock; ++j) {
    for (std::size_t d = 0; d < c.dim; ++d) vector[d] = static_cast<float>((j * 7 + d * 13) % 100) * 0.01f - 0.5f;
    c.table->store_key(c.type, c.dim, j, vector.data(), keys->data());
    c.table->store_value(c.type, c.dim, j, vector.data(), values->data());
  }
  std::vector<float> q(c.n_rows * c.dim, 0.1f), max(c.n_rows), sum(c.n_rows), acc(c.n_rows * c.dim);
  std::vector<std::int32_t> lo(c.n_rows, 0), hi(c.n_rows, kAttentionBlock);
  AttentionBlock block;
  block.type = c.type;
  block.k_dim = block.v_dim = block.q_stride = block.acc_stride = c.dim;
  block.keys = keys->data();
  block.values = values->data();
  block.n_rows = c.n_rows;
  block.q = q.data();
  block.lo = lo.data();
  block.hi = hi.data();
  block.scale = 0.125f;
  block.max = max.data();
  block.sum = sum.data();
  block.acc = acc.data();
  for (auto _ : state) c.table->attention(block, scratch->data());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 4 * kAttentionBlock * c.dim * c.n_rows));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * 2 * block_bytes));
}

}  // namespace

int main(int argc, char** argv) {
  const CpuFeatures cpu = detect_cpu_features();
  for (const KernelTable* table : all_tables()) {
    if (!table->supported(cpu) || table->name == "scalar") continue;
    for (const KvType type : {KvType::kF16, KvType::kF32, KvType::kQ8_0}) {
      for (const std::size_t dim : {64, 128}) {
        for (const std::size_t n_rows : {1, 4, 8, 64}) {
          const std::string name = std::string(table->name) + "/" + kTypeNames[static_cast<int>(type)] +
                                   "/dim:" + std::to_string(dim) + "/rows:" + std::to_string(n_rows);
          benchmark::RegisterBenchmark(name.c_str(), attend, Case{table, type, dim, n_rows});
        }
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
