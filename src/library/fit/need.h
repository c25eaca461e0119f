// How much memory a model takes while it runs: of a file whose header is known, or of one that is known by its
// numbers only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hearth/language_model.h"
#include "library/model_report.h"

namespace hearth::fit {

/// A model that could be had, by the numbers that decide its size and speed.
struct Candidate {
  std::string name;
  std::uint64_t n_parameters = 0;
  std::uint32_t n_layers = 0, dim = 0, ffn_dim = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0, vocab_size = 0;
  std::uint32_t n_ctx_train = 0;
  double bits_per_weight = 4.85;   // of the file as a whole; Q4_K_M: 4.85
  std::uint64_t weight_bytes = 0;  // where the file's size is known; 0: computed
  double active_fraction = 1;      // of the weights that one token reads: less with experts
  std::vector<std::string> uses;   // "chat", "code", "voice", "vision", "embedding"
};

struct MemoryNeed {
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_bytes = 0;          // the whole context, and recurrent state
  std::uint64_t working_bytes = 0;     // activations and logits
  std::uint64_t vocabulary_bytes = 0;  // tokens, merges and their indexes
  std::uint64_t program_bytes = 0;     // the process itself

  [[nodiscard]] std::uint64_t total() const {
    return weight_bytes + kv_bytes + working_bytes + vocabulary_bytes + program_bytes;
  }
};

/// What a running process holds before any model.
inline constexpr std::uint64_t kProgramBytes = 10u << 20;

struct Running {
  std::size_t n_ctx = 4096;
  std::size_t ubatch = 512;
  KvStorage kv = KvStorage::kF16;
};

/// The memory plan of a candidate, by formulas that agree with a header's within some percent.
MemoryPlan plan_of(const Candidate& candidate);
MemoryNeed need_of(const MemoryPlan& plan, const Running& running);

}  // namespace hearth::fit
