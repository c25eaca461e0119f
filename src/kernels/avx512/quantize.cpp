// Activations to int8 with AVX-512; the specification is scalar/quantize.cpp.
#include <immintrin.h>

#include "kernels/families.h"
#include "kernels/target.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels {
namespace {

/// What the largest magnitude of a block makes of it.
struct Scaling {
  float scale, inverse;
};
HEARTH_INLINE Scaling scaling(std::uint32_t largest) {
  constexpr std::uint32_t kTiny = 0x0d800000u, kInfinity = 0x7f800000u, kNaN = 0x7fc00000u;  // kTiny: 2^-100
  float a, nan;
  __builtin_memcpy(&a, &largest, 4);
  __builtin_memcpy(&nan, &kNaN, 4);
  if (largest < kTiny) return {0.0f, 0.0f};
  if (largest >= kInfinity) return {nan, 0.0f};
  return {a / 127.0f, 127.0f / a};
}

HEARTH_INLINE __m512i magnitude(__m512 x) {
  return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

/// Codes of 16 values; where `inverse` is 0 they are 0 even for infinities and NaN.
HEARTH_INLINE __m512i to_codes(__m512 x, float inverse) {
  const __m512 scaled = _mm512_maskz_mul_ps(inverse != 0.0f ? 0xffff : 0, x, _mm512_set1_ps(inverse));
  return _mm512_cvt_roundps_epi32(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

HEARTH_INLINE void store_codes(std::int8_t* to, __m512i codes) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(codes));
}

void quantize_i8x32(const float* x, std::size_t k, ActOut out) {
  for (std::size_t b = 0; b < k / 32; ++b) {
    const __m512 low = _mm512_loadu_ps(x + 32 * b), high = _mm512_loadu_ps(x + 32 * b + 16);
    const Scaling s = scaling(_mm512_reduce_max_epu32(_mm512_max_epu32(magnitude(low), magnitude(high))));
    const __m512i low_codes = to_codes(low, s.inverse), high_codes = to_codes(high, s.inverse);
    out.scales[b] = s.scale;
    out.sums[b] = _mm512_reduce_add_epi32(_mm512_add_epi32(low_codes, high_codes));
    store_codes(out.codes + 32 * b, low_codes);
    store_codes(out.codes + 32 * b + 16, high_codes);
  }
}

void quantize_i8x256(const float* x, std::size_t k, ActOut out) {
  for (std::size_t b = 0; b < k / 256; ++b) {
    const float* block = x + 256 * b;
    __m512i largest = _mm512_setzero_si512();
    for (int i = 0; i < 16; ++i) largest = _mm512_max_epu32(largest, magnitude(_mm512_loadu_ps(block + 16 * i)));
    const Scaling s = scaling(_mm512_reduce_max_epu32(largest));
    out.scales[b] = s.scale;
    for (int i = 0; i < 16; ++i) {
      const __m512i codes = to_codes(_mm512_loadu_ps(block + 16 * i), s.inverse);
      out.sums[16 * b + i] = _mm512_reduce_add_epi32(codes);
      store_codes(out.codes + 256 * b + 16 * i, codes);
    }
  }
}

}  // namespace
}  // namespace hearth::kernels
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_quantize_avx512(KernelTable& table) {
  table.quantize_i8x32 = quantize_i8x32;
  table.quantize_i8x256 = quantize_i8x256;
}

}  // namespace hearth::kernels
