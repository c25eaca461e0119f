// AVX-512 products for F32, F16 and BF16 weights with float activations.
#include "kernels/avx512/drive.inl.h"
#include "kernels/avx512/matmul.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

#include "kernels/avx512/plain.inl.h"

/// One element of K at once.
struct OneElement {
  using Rows = __m512;
  static constexpr std::size_t kElements = 1, kColumnsBytes = 640 * 1024, kColumnsLeast = 24;
  static constexpr std::size_t column_bytes(std::size_t k) { return odd_lines(4 * k); }
  HEARTH_INLINE static __m512 multiply_add(__m512 sums, __m512 w, const float* word) {
    return _mm512_fmadd_ps(w, _mm512_set1_ps(*word), sums);
  }
  /// Where they are, if few; more than the ways of a cache set are copied apart.
  static PlainColumns columns(const ActRows& x, std::size_t first, std::size_t n, std::byte* scratch) {
    const float* values = x.values + first * x.value_stride;
    if (n <= 8) return {values, x.value_stride};
    const std::size_t stride = column_bytes(x.k);
    for (std::size_t c = 0; c < n; ++c) __builtin_memcpy(scratch + stride * c, values + c * x.value_stride, 4 * x.k);
    return {reinterpret_cast<const float*>(scratch), stride / sizeof(float)};
  }
};
struct F32 : OneElement {
  static constexpr std::size_t kBytes = 64;  // 16 rows of one element of K
  HEARTH_INLINE static __m512 load_rows(const std::byte* p) { return _mm512_loadu_ps(p); }
};
struct F16 : OneElement {
  static constexpr std::size_t kBytes = 32;
  HEARTH_INLINE static __m512 load_rows(const std::byte* p) { return load_f16(p); }
};
struct BF16 : OneElement {
  static constexpr std::size_t kBytes = 32;
  HEARTH_INLINE static __m512 load_rows(const std::byte* p) {
    const __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
  }
};

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
