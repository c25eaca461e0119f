// The arithmetic of memory.
#include "library/fit/need.h"

#include <algorithm>
#include <cmath>

#include "kernels/table.h"

namespace hearth::fit {

MemoryPlan plan_of(const Candidate& c) {
  MemoryPlan plan;
  plan.weight_bytes =
      c.weight_bytes
          ? c.weight_bytes
          : static_cast<std::uint64_t>(std::llround(static_cast<double>(c.n_parameters) * c.bits_per_weight / 8));
  const std::uint64_t values = 2ull * c.n_layers * c.n_kv_heads * c.head_dim;  // keys and values of one position
  plan.kv_bytes_per_token[static_cast<std::size_t>(KvStorage::kF16)] = 2 * values;
  plan.kv_bytes_per_token[static_cast<std::size_t>(KvStorage::kF32)] = 4 * values;
  plan.kv_bytes_per_token[static_cast<std::size_t>(KvStorage::kQ8_0)] = values + values / 16;
  plan.working_row_bytes = working_row_bytes(c.dim, 4ull * c.n_heads * c.head_dim, c.ffn_dim);
  plan.logit_bytes = logit_bytes(c.vocab_size);
  plan.vocabulary_bytes = 180ull * c.vocab_size;  // of byte-level BPE with its merges
  return plan;
}

MemoryNeed need_of(const MemoryPlan& plan, const Running& running) {
  constexpr std::size_t kBlock = kernels::kAttentionBlock;  // keys and values come in blocks
  const std::uint64_t positions = (running.n_ctx + kBlock - 1) / kBlock * kBlock;
  const std::uint64_t rows = std::min<std::uint64_t>(running.ubatch, running.n_ctx);
  return {.weight_bytes = plan.weight_bytes,
          .kv_bytes = plan.kv_bytes_per_token[static_cast<std::size_t>(running.kv)] * positions + plan.recurrent_bytes,
          .working_bytes = plan.working_row_bytes * rows + plan.logit_bytes,
          .vocabulary_bytes = plan.vocabulary_bytes,
          .program_bytes = kProgramBytes};
}

}  // namespace hearth::fit
