// AVX-512 products for F32, F16 and BF16 weights: float activations, one fused multiply-add per element of K.
//
// An output's additions form a chain, so speed comes from many chains at once: C columns times P panels of 16 rows.
#include "kernels/avx512/drive.inl.h"
#include "kernels/avx512/matmul.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

constexpr int kPlainColumns = 12;
constexpr std::size_t kPlainAhead = 4096;            // how far to ask for weights
constexpr std::size_t kPlainSpanBytes = 768 * 1024;  // of activations: they stay in the second-level cache

struct F32 {
  static constexpr std::size_t kBytes = 64;  // 16 rows of one element of K
  HEARTH_INLINE static __m512 load_rows(const std::byte* p) { return _mm512_loadu_ps(p); }
};
struct F16 {
  static constexpr std::size_t kBytes = 32;
  HEARTH_INLINE static __m512 load_rows(const std::byte* p) { return load_f16(p); }
};
struct BF16 {
  static constexpr std::size_t kBytes = 32;
  HEARTH_INLINE static __m512 load_rows(const std::byte* p) {
    const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
  }
};

/// acc [P][C][16] = panels [P][k][16] times columns [C][k].
template <class W, int P, int C>
void multiply_plain(const std::byte* panels, std::size_t k, const float* x, std::size_t stride, float* acc_out) {
  const std::byte* rows[P];
  const float* base[(C + 2) / 3];  // every third column, see Columns
  __m512 acc[P][C];
  HEARTH_UNROLL
  for (int p = 0; p < P; ++p) rows[p] = panels + p * k * W::kBytes;
  HEARTH_UNROLL
  for (int i = 0; i < (C + 2) / 3; ++i) base[i] = x + 3 * i * stride;
  HEARTH_UNROLL
  for (int p = 0; p < P; ++p) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) acc[p][c] = _mm512_setzero_ps();
  }
  const std::size_t panel_bytes = k * W::kBytes;
  for (std::size_t i = 0; i < k; ++i) {
    // A line holds one element of F32, two of the others. What lies behind a panel is the next one's and read already.
    if (64 / W::kBytes == 1 || i % 2 == 0) {
      const std::size_t ahead = i * W::kBytes + kPlainAhead;
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) prefetch<64>(rows[p] + ahead + (ahead < panel_bytes ? 0 : (P - 1) * panel_bytes));
    }
    __m512 w[P];
    HEARTH_UNROLL
    for (int p = 0; p < P; ++p) w[p] = W::load_rows(rows[p] + i * W::kBytes);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m512 value = _mm512_set1_ps(base[c / 3][(c % 3) * stride + i]);
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) acc[p][c] = _mm512_fmadd_ps(w[p], value, acc[p][c]);
    }
  }
  HEARTH_UNROLL
  for (int p = 0; p < P; ++p) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) _mm512_store_ps(acc_out + 16 * (C * p + c), acc[p][c]);
  }
}

using PlainFn = void (*)(const std::byte* panels, std::size_t k, const float* x, std::size_t stride, float* acc);

/// Panels at once for a tile of c columns.
constexpr int panels_at_once(int c) {
  return c <= 3 ? 4 : 2;
}

template <class W, int low>
HEARTH_INLINE PlainFn find_plain_fn(std::size_t columns, bool single) {
  if constexpr (low < kPlainColumns) {
    if (columns != low) return find_plain_fn<W, low + 1>(columns, single);
  }
  return single ? multiply_plain<W, 1, low> : multiply_plain<W, panels_at_once(low), low>;
}

template <class W>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  const MatmulCall call = {w, x, panel_begin, panel_end, out, out_stride, scratch};
  alignas(64) float acc[2 * kPlainColumns * 16];
  const std::size_t by_cache = kPlainSpanBytes / (4 * (x.k + 1));
  const std::size_t longest = by_cache > kSpanLeast ? by_cache : kSpanLeast;
  const std::size_t n_spans = (x.m + longest - 1) / longest;
  for (std::size_t s = 0; s < n_spans; ++s) {
    const std::size_t first = x.m * s / n_spans, length = x.m * (s + 1) / n_spans - first;
    const std::size_t n_tiles = (length + kPlainColumns - 1) / kPlainColumns;
    const auto group = static_cast<std::size_t>(panels_at_once(static_cast<int>(length)));
    for (std::size_t p = panel_begin; p < panel_end;) {
      const bool single = panel_end - p < group;
      for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t from = length * t / n_tiles, columns = length * (t + 1) / n_tiles - from;
        const std::size_t m = first + from;
        find_plain_fn<W, 1>(columns, single)(w.panels + p * x.k * W::kBytes, x.k, x.values + m * x.value_stride,
                                             x.value_stride, acc);
        for (std::size_t i = 0; i < (single ? 1 : group); ++i) {
          store_tile(call, acc + 16 * columns * i, columns, 1, m, p + i);
        }
      }
      p += single ? 1 : group;
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels::avx512 {

void fill_plain(KernelTable& table) {
  set_matmul(table, DType::kF32, matmul<F32>, "avx512");
  set_matmul(table, DType::kF16, matmul<F16>, "avx512");
  set_matmul(table, DType::kBF16, matmul<BF16>, "avx512");
}

}  // namespace hearth::kernels::avx512
