// AVX2 products for F32, F16 and BF16 weights: float activations, one fused multiply-add per element of K.
//
// An output's additions form a chain, so speed comes from many chains at once: 16 rows times C columns.
#include <immintrin.h>

#include "kernels/avx2/matmul.h"
#include "kernels/target.h"
#include "kernels/tiles.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
namespace hearth::kernels::avx2 {
namespace {

#include "kernels/avx2/bits.inl.h"

constexpr std::size_t kPlainSpanBytes = 384 * 1024;  // of activations: they stay in the second-level cache
constexpr int kPlainColumns = 6;

struct F32 {
  static constexpr std::size_t kBytes = 4;  // of one element
  HEARTH_INLINE static __m256 load_rows(const std::byte* p) { return _mm256_castsi256_ps(load(p)); }
};
struct F16 {
  static constexpr std::size_t kBytes = 2;
  HEARTH_INLINE static __m256 load_rows(const std::byte* p) { return load_f16(p); }
};
struct BF16 {
  static constexpr std::size_t kBytes = 2;
  HEARTH_INLINE static __m256 load_rows(const std::byte* p) {
    const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
  }
};

/// acc [P][C][16] = panels [P][k][16] times columns [C][k].
template <class W, int P, int C>
void multiply_plain(const std::byte* panels, std::size_t k, const float* x, std::size_t stride, float* acc_out) {
  constexpr std::size_t kRows = kPanelRows * W::kBytes;
  __m256 acc[P][C][2];
  HEARTH_UNROLL
  for (int i = 0; i < 2 * P * C; ++i) acc[i / (2 * C)][i / 2 % C][i % 2] = _mm256_setzero_ps();
  for (std::size_t i = 0; i < k; ++i) {
    __m256 values[C];
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) values[c] = _mm256_set1_ps(x[c * stride + i]);
    HEARTH_UNROLL
    for (int half = 0; half < 2 * P; ++half) {
      const int p = half / 2, h = half % 2;
      const __m256 w = W::load_rows(panels + (p * k + i) * kRows + 8 * h * W::kBytes);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) acc[p][c][h] = _mm256_fmadd_ps(w, values[c], acc[p][c][h]);
    }
  }
  HEARTH_UNROLL
  for (int i = 0; i < 2 * P * C; ++i) _mm256_store_ps(acc_out + 8 * i, acc[i / (2 * C)][i / 2 % C][i % 2]);
}

using PlainFn = void (*)(const std::byte* panels, std::size_t k, const float* x, std::size_t stride, float* acc);

/// Panels at once: a single column takes four.
constexpr std::size_t panels_at_once(std::size_t columns) {
  return columns == 1 ? 4 : 1;
}

template <class W>
PlainFn find_plain_fn(std::size_t columns, bool single) {
  switch (columns) {
    case 1: return single ? multiply_plain<W, 1, 1> : multiply_plain<W, 4, 1>;
    case 2: return multiply_plain<W, 1, 2>;
    case 3: return multiply_plain<W, 1, 3>;
    case 4: return multiply_plain<W, 1, 4>;
    case 5: return multiply_plain<W, 1, 5>;
    default: return multiply_plain<W, 1, 6>;
  }
}

template <class W>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  const MatmulCall call = {w, x, panel_begin, panel_end, out, out_stride, scratch};
  alignas(64) float acc[kPlainColumns * kPanelRows];
  const std::size_t by_cache = kPlainSpanBytes / (4 * (x.k + 1));
  const std::size_t longest = by_cache > kSpanLeast ? by_cache : kSpanLeast;
  const std::size_t n_spans = (x.m + longest - 1) / longest;
  for (std::size_t s = 0; s < n_spans; ++s) {
    const std::size_t first = x.m * s / n_spans, length = x.m * (s + 1) / n_spans - first;
    const std::size_t n_tiles = (length + kPlainColumns - 1) / kPlainColumns;
    for (std::size_t p = panel_begin, step = 1; p < panel_end; p += step) {
      step = panel_end - p < panels_at_once(length) ? 1 : panels_at_once(length);
      for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t from = length * t / n_tiles, columns = length * (t + 1) / n_tiles - from;
        const float* values = x.values + (first + from) * x.value_stride;
        find_plain_fn<W>(columns, step == 1)(w.panels + p * x.k * kPanelRows * W::kBytes, x.k, values, x.value_stride,
                                             acc);
        for (std::size_t i = 0; i < step; ++i)
          store_tile(call, acc + 16 * columns * i, columns, 1, first + from, p + i);
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::avx2
HEARTH_TARGET_END

namespace hearth::kernels::avx2 {

void fill_plain(KernelTable& table) {
  set_matmul(table, DType::kF32, matmul<F32>, "avx2");
  set_matmul(table, DType::kF16, matmul<F16>, "avx2");
  set_matmul(table, DType::kBF16, matmul<BF16>, "avx2");
}

}  // namespace hearth::kernels::avx2
