// Products with plain weights: lanes are the 16 rows of a panel, k ascending, up to four rows of activations at once.
#include "kernels/neon/matmul_float.h"

#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_DOTPROD)
namespace hearth::kernels::neon {

namespace {

#include "kernels/neon/lanes.inl.h"

struct F32 {
  using Element = float;
  HEARTH_INLINE static Lanes load(const float* p) { return load_any(p); }
};
struct F16 {
  using Element = std::uint16_t;
  HEARTH_INLINE static Lanes load(const std::uint16_t* p) { return load_any(p); }
};
struct BF16 {
  using Element = std::uint16_t;
  HEARTH_INLINE static float32x4_t four(const std::uint16_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
  }
  HEARTH_INLINE static Lanes load(const std::uint16_t* p) { return {four(p), four(p + 4), four(p + 8), four(p + 12)}; }
};

constexpr int kMaxColumns = 4;

template <class Format, int C>
void multiply(const std::byte* panel, const ActRows& x, std::size_t first, float* acc) {
  const auto* w = reinterpret_cast<const typename Format::Element*>(panel);
  const float* values = x.values + first * x.value_stride;
  Lanes sum[C];
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) sum[c] = set(0.0f);
  for (std::size_t k = 0; k < x.k; ++k) {
    const Lanes rows = Format::load(w + 16 * k);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = fma(rows, set(values[c * x.value_stride + k]), sum[c]);
  }
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) store(acc + 16 * c, sum[c]);
}

using TileFn = void (*)(const std::byte* panel, const ActRows& x, std::size_t first, float* acc);
template <class Format>
inline constexpr TileFn kTiles[kMaxColumns] = {multiply<Format, 1>, multiply<Format, 2>, multiply<Format, 3>,
                                               multiply<Format, 4>};

template <class Format>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte*) {
  const std::size_t n_tiles = (x.m + kMaxColumns - 1) / kMaxColumns;
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    const std::byte* panel = w.panels + p * w.k * kPanelRows * sizeof(typename Format::Element);
    const std::size_t n_rows = w.n - 16 * p < 16 ? w.n - 16 * p : 16;
    for (std::size_t t = 0; t < n_tiles; ++t) {
      const std::size_t from = x.m * t / n_tiles, to = x.m * (t + 1) / n_tiles;
      float acc[kMaxColumns * 16];
      kTiles<Format>[to - from - 1](panel, x, from, acc);
      for (std::size_t c = from; c < to; ++c) {
        __builtin_memcpy(out + c * out_stride + 16 * p, acc + 16 * (c - from), n_rows * sizeof(float));
      }
    }
  }
}

}  // namespace

}  // namespace hearth::kernels::neon
HEARTH_TARGET_END

namespace hearth::kernels::neon {

void fill_matmul_float(KernelTable& table) {
  set_matmul(table, DType::kF32, matmul<F32>, "neon");
  set_matmul(table, DType::kF16, matmul<F16>, "neon");
  set_matmul(table, DType::kBF16, matmul<BF16>, "neon");
}

}  // namespace hearth::kernels::neon
#endif
