// Activations to int8 with AVX2; the specification is scalar/quantize.cpp.
#include <immintrin.h>

#include "kernels/families.h"
#include "kernels/target.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
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

HEARTH_INLINE __m256i magnitude(__m256 x) {
  return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
}

HEARTH_INLINE std::uint32_t largest_lane(__m256i v) {
  __m128i most = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0x4e));
  most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0xb1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(most));
}

HEARTH_INLINE std::int32_t sum_lanes(__m256i v) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
  return _mm_cvtsi128_si32(sum);
}

/// Codes of 8 values; where `inverse` is 0 they are 0 even for infinities and NaN.
HEARTH_INLINE __m256i to_codes(__m256 x, float inverse) {
  const __m256 factor = _mm256_set1_ps(inverse);
  const __m256 usable = _mm256_cmp_ps(factor, _mm256_setzero_ps(), _CMP_NEQ_UQ);
  const __m256 scaled = _mm256_and_ps(usable, _mm256_mul_ps(x, factor));
  return _mm256_cvtps_epi32(_mm256_round_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/// Writes 16 codes and returns their sum.
HEARTH_INLINE std::int32_t quantize_16(const float* x, float inverse, std::int8_t* codes) {
  const __m256i low = to_codes(_mm256_loadu_ps(x), inverse), high = to_codes(_mm256_loadu_ps(x + 8), inverse);
  // Packing works within 128-bit halves: words 0-3 8-11 | 4-7 12-15, put in order by qwords.
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(codes), bytes);
  return sum_lanes(_mm256_add_epi32(low, high));
}

template <std::size_t block_len, std::size_t sum_len>
void quantize(const float* x, std::size_t k, ActOut out) {
  for (std::size_t b = 0; b < k / block_len; ++b) {
    const float* block = x + block_len * b;
    __m256i most = _mm256_setzero_si256();
    for (std::size_t i = 0; i < block_len; i += 8) most = _mm256_max_epu32(most, magnitude(_mm256_loadu_ps(block + i)));
    const Scaling s = scaling(largest_lane(most));
    out.scales[b] = s.scale;
    for (std::size_t i = 0; i < block_len; i += sum_len) {
      std::int32_t sum = 0;
      for (std::size_t j = 0; j < sum_len; j += 16) {
        sum += quantize_16(block + i + j, s.inverse, out.codes + block_len * b + i + j);
      }
      out.sums[(block_len * b + i) / sum_len] = sum;
    }
  }
}

}  // namespace
}  // namespace hearth::kernels
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_quantize_avx2(KernelTable& table) {
  table.quantize_i8x32 = quantize<32, 32>;
  table.quantize_i8x256 = quantize<256, 16>;
}

}  // namespace hearth::kernels
