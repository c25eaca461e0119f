// NativeContext: computes each operation at once on the CPU, over the kernel table and a thread pool.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "ops/context.h"
#include "ops/state.h"

namespace hearth::ops {

/// One micro-batch: rows of one or more sequences. Views; the engine owns the memory.
struct MicroBatch {
  std::span<const std::int32_t> tokens;      // [n_rows], or empty when embeddings are given
  std::span<const float> embeddings;         // [n_rows][dim]
  std::span<const RowSpan> spans;            // ascending row_begin, covering all rows
  std::span<const std::size_t> wanted_rows;  // ascending
  std::size_t n_rows = 0;
  std::size_t n_ctx = 0;       // of all its sequences
  std::size_t row_offset = 0;  // of row 0 within the whole call, for observers
};

struct NativeContextOptions {
  const kernels::KernelTable* kernels = nullptr;
  ThreadPool* pool = nullptr;
  StoragePool* storage = nullptr;
  const StateLayout* state = nullptr;
  std::uint32_t recipe = kernels::kRecipeId;
  std::function<bool()> cancelled;
  std::function<void(std::size_t layer, std::size_t row_begin, std::span<const float> values)> observe_layer;
  std::span<const std::size_t> observed_attention;  // layers
  std::function<void(std::size_t layer, std::size_t row, std::size_t n_heads, std::span<const float> weights)>
      observe_attention;
};

class NativeContext final : public Context {
 public:
  NativeContext(const NativeContextOptions& options, const MicroBatch& batch);

  [[nodiscard]] std::size_t n_rows() const override { return batch_.n_rows; }
  [[nodiscard]] std::size_t n_ctx() const override { return batch_.n_ctx; }
  [[nodiscard]] bool has_tokens() const override { return !batch_.tokens.empty(); }
  Tensor embed(const kernels::PackedMatrix& table) override;
  Tensor embed_row(const kernels::PackedMatrix& table, std::size_t table_row) override;
  Tensor embed_positions(const kernels::PackedMatrix& table) override;
  Tensor rms_norm(const Tensor& x, std::span<const float> weight, float eps) override;
  Tensor layer_norm(const Tensor& x, std::span<const float> weight, std::span<const float> bias, float eps) override;
  Tensor rms_norm_parts(const Tensor& x, std::size_t part, std::span<const float> weight, float eps) override;
  Tensor layer_norm_parts(const Tensor& x, std::size_t part, std::span<const float> weight, std::span<const float> bias,
                          float eps) override;
  Tensor l2_norm_parts(const Tensor& x, std::size_t part, float eps) override;
  void linear_group(const Tensor& x, std::span<const LinearView> weights, std::span<Tensor> out) override;
  Tensor linear_parts(const Tensor& x, const ExpertsView& matrices) override;
  Tensor columns(const Tensor& x, std::size_t begin, std::size_t n) override;
  Tensor part_columns(const Tensor& x, std::size_t part, std::size_t begin, std::size_t n) override;
  Tensor join_parts(const Tensor& a, std::size_t a_part, const Tensor& b, std::size_t b_part) override;
  void rope(Tensor& x, const Rope& rope, std::size_t head_dim, std::size_t offset) override;
  Tensor attention(std::size_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                   const AttentionSpec& spec) override;
  Tensor short_convolution(std::size_t layer, const Tensor& x, const Convolution& conv) override;
  Tensor selective_scan(std::size_t layer, const Tensor& x, const Tensor& dt, const Tensor& b, const Tensor& c,
                        const SelectiveScan& scan) override;
  Tensor delta_rule(std::size_t layer, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay,
                    const Tensor& beta, const DeltaRule& rule) override;
  void add(Tensor& x, const Tensor& y) override;
  Tensor sum(const Tensor& x, const Tensor& y) override;
  void scale(Tensor& x, float factor) override;
  void scale_columns(Tensor& x, std::span<const float> factors) override;
  void add_columns(Tensor& x, std::span<const float> values) override;
  Tensor multiply(const Tensor& x, const Tensor& y) override;
  void scale_rows(Tensor& x, const std::function<float(std::size_t position)>& factor) override;
  Tensor activate(const Tensor& x, Activation f) override;
  Tensor gated(Activation f, const Tensor& gate, const Tensor& up) override;
  Tensor gated_clamped(const Tensor& gate, const Tensor& up, float alpha, float limit) override;
  Tensor xielu(const Tensor& x, const Xielu& unit) override;
  void soft_cap(Tensor& x, float cap) override;
  Tensor moe(const Tensor& x, const Tensor& router_logits, const MoeExperts& experts, const MoeSpec& spec) override;
  Tensor wanted_rows(const Tensor& x) override;
  Status layer_done(std::size_t layer, const Tensor& x) override;

  /// For the engine: the values of one row of a result.
  [[nodiscard]] std::span<const float> values(const Tensor& x, std::size_t row) const { return {x.row(row), x.cols()}; }
  /// For the engine: rows of x as a tensor of their own.
  Tensor rows(const Tensor& x, std::size_t begin, std::size_t n);

 private:
  struct RopeTable {
    std::vector<float> cosines, sines;  // [n_rows][n_rot / 2]
  };

  Tensor make(std::size_t rows, std::size_t cols);
  /// A handle about to be changed in place: alone on its memory and without stale int8 forms.
  void make_unique(Tensor& x);
  std::byte* scratch(int worker);
  void need_scratch(std::size_t bytes_per_worker);
  /// body(row) for all rows, in parallel where the work is worth it.
  template <typename Body>
  void for_rows(std::size_t n_rows, std::size_t cols, const Body& body);
  [[nodiscard]] std::size_t position(std::size_t row) const { return positions_[row]; }
  const RopeTable& rope_table(const Rope& rope);

  kernels::ActRows activations(const Tensor& x, kernels::ActKind kind);
  void quantise(const Tensor& x, kernels::ActKind kind);
  Tensor rounded(const Tensor& x);
  /// Whether activations are rounded for such weights.
  [[nodiscard]] bool rounds_for(DType weight) const {
    return options_.recipe == kernels::kBf16RecipeId && weight == DType::kBF16;
  }
  [[nodiscard]] kernels::MatmulFn product(DType weight) const {
    return rounds_for(weight) ? kernels_.matmul_bf16 : kernels_.matmul[static_cast<std::size_t>(weight)];
  }
  [[nodiscard]] std::span<float> recurrent(const RowSpan& span, std::size_t layer, std::size_t offset) const {
    return options_.state->recurrent(span.recurrent, layer).subspan(offset);
  }
  void store_kv(std::size_t layer, const RowSpan& span, const Tensor& k, const Tensor& v, const AttentionSpec& spec);
  struct AttentionTile;
  void attend(const AttentionTile& tile, int worker);
  void show_attention(std::size_t layer, const RowSpan& span, std::size_t row, const Tensor& q,
                      const AttentionSpec& spec);

  const NativeContextOptions& options_;
  const kernels::KernelTable& kernels_;
  ThreadPool& pool_;
  MicroBatch batch_;
  std::vector<std::size_t> positions_;  // [n_rows]
  std::map<const Rope*, RopeTable> rope_tables_;
  AlignedBuffer scratch_;
  std::size_t scratch_per_worker_ = 0;
};

template <typename Body>
void NativeContext::for_rows(std::size_t n_rows, std::size_t cols, const Body& body) {
  constexpr std::size_t kWorthIt = 32768;  // elements; a parallel region costs some microseconds
  if (n_rows == 1 || n_rows * cols < kWorthIt || pool_.n_threads() == 1) {
    for (std::size_t row = 0; row < n_rows; ++row) body(row);
    return;
  }
  const std::size_t rows_each = (n_rows + 4 * static_cast<std::size_t>(pool_.n_threads()) - 1) /
                                (4 * static_cast<std::size_t>(pool_.n_threads()));
  pool_.parallel_for((n_rows + rows_each - 1) / rows_each, [&](std::size_t chunk, int) {
    for (std::size_t row = chunk * rows_each; row < std::min(n_rows, (chunk + 1) * rows_each); ++row) body(row);
  });
}

}  // namespace hearth::ops
