// The table of kernels: one struct of function pointers per instruction set. The scalar table fills every slot and is
// the specification (docs/numerics.md); each other table starts as a copy of its parent and overwrites what it
// improves. All tables agree bit for bit. Kernels know no model, no file and no thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/cpu_features.h"
#include "kernels/layout.h"
#include "tensor/dtype.h"

namespace hearth::kernels {

inline constexpr std::uint32_t kRecipeId = 1;
/// Recipe 1, except that activations which meet BF16 weights are rounded to BF16 first.
inline constexpr std::uint32_t kBf16RecipeId = 2;
inline constexpr std::size_t kAttentionBlock = 256;  // positions
inline constexpr std::size_t kLanes = 16;
inline constexpr std::size_t kDTypeSlots = 48;  // above the largest DType number

// ---- activations ----------------------------------------------------------------------------------------------------

/// How a weight type takes its activations.
enum class ActKind : std::uint8_t { kF32, kI8x32, kI8x256 };
ActKind act_kind(DType weight);

/// M rows of k activations, in the form `kind` (only its members are set).
struct ActRows {
  ActKind kind = ActKind::kF32;
  std::size_t m = 0, k = 0;
  const float* values = nullptr;       // kF32: [m][value_stride]
  std::size_t value_stride = 0;        // elements
  const std::int8_t* codes = nullptr;  // int8: [m][k]
  const float* scales = nullptr;       // [m][k / 32] or [m][k / 256]
  const std::int32_t* sums = nullptr;  // [m][k / 32] or [m][k / 16]: exact sums of codes
};

/// Where quantised activations are written; same shapes as ActRows.
struct ActOut {
  std::int8_t* codes;
  float* scales;
  std::int32_t* sums;
};

// ---- matrix products
// --------------------------------------------------------------------------------------------------

/// Bytes of scratch one matmul call may use, 64-byte aligned: room for two panels unpacked to int8 with their scales
/// (at most 24 k each), and for a span of activation columns with their scales and sums (at most 1.6 times the codes of
/// 48 columns or 384 KiB, see tiles.h).
constexpr std::size_t matmul_scratch_bytes(std::size_t k) {
  return 128 * k + 640 * 1024;
}

/// out[m][n] for n in [16 * panel_begin, min(16 * panel_end, w.n)), m in [0, x.m); out_stride in elements.
/// x.kind is act_kind(w.type). Never reads or writes outside that range.
using MatmulFn = void (*)(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end,
                          float* out, std::size_t out_stride, std::byte* scratch);

// ---- attention
// ----------------------------------------------------------------------------------------------------------

enum class KvType : std::uint8_t { kF16, kF32, kQ8_0 };

/// Keys of one (kv head, 256-block): [16 tiles][dim][16 positions]; values: [256][dim]. For Q8_0 the codes lie so as
/// int8 and the F16 scales follow them: keys [16 tiles][ceil(dim / 32)][16], values [256][ceil(dim / 32)].
std::size_t kv_block_bytes(KvType type, std::size_t dim);

/// Stores the key (value) vector of one position, 0..255, into a block.
using StoreKvFn = void (*)(KvType type, std::size_t dim, std::size_t position, const float* vector, std::byte* block);

struct AttentionBlock {
  KvType type = KvType::kF16;
  std::size_t k_dim = 0, v_dim = 0;
  const std::byte* keys = nullptr;
  const std::byte* values = nullptr;
  std::size_t n_rows = 0;    // query rows that share this kv head: ascending position
  const float* q = nullptr;  // [n_rows][q_stride], the first k_dim used
  std::size_t q_stride = 0;
  const std::int32_t* lo = nullptr;  // [n_rows] unmasked positions of the block: [lo, hi), 0..256, never empty
  const std::int32_t* hi = nullptr;
  float scale = 1.0f;
  float soft_cap = 0.0f;          // 0: none
  const float* slopes = nullptr;  // ALiBi slope per row, or null
  const std::int32_t* query_minus_block =
      nullptr;  // [n_rows] query position - first position of the block (ALiBi only)
  // results per row
  float* max = nullptr;  // [n_rows]
  float* sum = nullptr;  // [n_rows]
  float* acc = nullptr;  // [n_rows][acc_stride], the first v_dim used
  std::size_t acc_stride = 0;
};
/// Bytes of scratch for attention over at most n_rows rows.
constexpr std::size_t attention_scratch_bytes(std::size_t n_rows, std::size_t k_dim, std::size_t v_dim) {
  return (n_rows + 8) * 256 * 4 + 256 * 4 * (k_dim + v_dim + 32) + 4096;
}
using AttentionFn = void (*)(const AttentionBlock& block, std::byte* scratch);

/// Merges a block's (max, sum, acc) into the running one (docs/numerics.md).
using AttentionMergeFn = void (*)(float& run_max, float& run_sum, float* run_acc, float max, float sum,
                                  const float* acc, std::size_t dim);

// ---- element-wise and norms
// -------------------------------------------------------------------------------------------

enum class Activation : std::uint8_t {
  kSilu,
  kGelu /* tanh form */,
  kGeluErf,
  kGeluQuick,
  kRelu,
  kReluSquared,
  kSigmoid,
  kTanh,
  kExp,
  kSoftplus
};

struct KernelTable {
  std::string_view name;  // "scalar", "avx2", "avxvnni", "avx512", "neon", "neon_i8mm"
  bool (*supported)(const CpuFeatures&) = nullptr;

  std::array<MatmulFn, kDTypeSlots> matmul{};              // by DType number; null for types that are no matrices
  std::array<std::string_view, kDTypeSlots> matmul_isa{};  // the table a slot came from, for `hearth doctor` and tests

  /// Products of BF16 weights with activations whose values are BF16: the bits of matmul[BF16], but subnormal numbers
  /// may count as zero.
  MatmulFn matmul_bf16 = nullptr;
  std::string_view matmul_bf16_isa;

  /// One row of k floats to int8 (k a multiple of 32 or 256).
  void (*quantize_i8x32)(const float* x, std::size_t k, ActOut out) = nullptr;
  void (*quantize_i8x256)(const float* x, std::size_t k, ActOut out) = nullptr;

  StoreKvFn store_key = nullptr;
  StoreKvFn store_value = nullptr;
  AttentionFn attention = nullptr;
  AttentionMergeFn attention_merge = nullptr;
  /// out_d = fma(acc_d, 1 / sum, +0)
  void (*attention_finish)(const float* acc, float sum, float* out, std::size_t dim) = nullptr;

  // One row each; out may be x. weight and bias may be null where named so.
  void (*rms_norm)(const float* x, const float* weight_or_null, float eps, std::size_t n, float* out) = nullptr;
  void (*layer_norm)(const float* x, const float* weight_or_null, const float* bias_or_null, float eps, std::size_t n,
                     float* out) = nullptr;
  void (*l2_norm)(const float* x, float eps, std::size_t n, float* out) = nullptr;
  void (*softmax)(const float* x, std::size_t n, float* out) = nullptr;
  void (*activate)(Activation f, const float* x, std::size_t n, float* out) = nullptr;
  /// out = f(gate) * up
  void (*gated)(Activation f, const float* gate, const float* up, std::size_t n, float* out) = nullptr;
  /// The clamped unit of gpt-oss: g = min(gate, limit), u = clamp(up, -limit, limit), out = (g / (1 + exp(-alpha g))) *
  /// (u + 1).
  void (*gated_clamped)(const float* gate, const float* up, float alpha, float limit, std::size_t n,
                        float* out) = nullptr;
  /// out = cap * tanh(x / cap)
  void (*soft_cap)(const float* x, float cap, std::size_t n, float* out) = nullptr;
  /// lanes(a * b) by fma: the recipe's horizontal sum, used by recurrent layers.
  float (*dot)(const float* a, const float* b, std::size_t n) = nullptr;
  /// y = fma(a, x, y)
  void (*axpy)(float a, const float* x, std::size_t n, float* y) = nullptr;
  /// The largest element's index, ties to the lowest.
  std::size_t (*argmax)(const float* x, std::size_t n) = nullptr;

  // What this instruction set can do at best, for benchmarks: each returns or stores something so that the work is
  // done.
  /// `rounds` rounds of int8 products in registers; returns the multiplications and additions.
  std::uint64_t (*int8_work)(std::uint64_t rounds, std::uint32_t* result) = nullptr;
  /// The same in float, fused multiply-adds; and with BF16 operands.
  std::uint64_t (*float_work)(std::uint64_t rounds, std::uint32_t* result) = nullptr;
  std::uint64_t (*bf16_work)(std::uint64_t rounds, std::uint32_t* result) = nullptr;
  /// Reads n bytes, a multiple of 256, once: from the first to the last, or its four quarters side by side.
  std::uint64_t (*read_stream)(const std::byte* bytes, std::size_t n) = nullptr;
  std::uint64_t (*read_four_streams)(const std::byte* bytes, std::size_t n) = nullptr;
};

/// All tables built into this binary, the most capable last; the scalar one is first and runs everywhere.
std::span<const KernelTable* const> all_tables();
/// The best table this CPU supports.
const KernelTable& best_table(const CpuFeatures& cpu);
/// The table of that name, or null when unknown; the caller checks supported().
const KernelTable* find_table(std::string_view name);

}  // namespace hearth::kernels
