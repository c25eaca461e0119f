// The limits slots of the avx2 table: what its multiplier and its loads can do at best.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__x86_64__)
#include <immintrin.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
namespace hearth::kernels::avx2 {

namespace {

// Twelve sums hide the latency; each round multiplies and adds 32 bytes per sum. Sums stay in 16 bits, as the products
// of narrow codes do for most of their way.
std::uint64_t int8_work(std::uint64_t rounds, std::uint32_t* result) {
  __m256i sums[12], x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  HEARTH_UNROLL
  for (int i = 0; i < 12; ++i) sums[i] = _mm256_set1_epi32(i);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    HEARTH_UNROLL
    for (int i = 0; i < 12; ++i) {
      asm volatile("" : "+x"(x));  // a new operand each time, as far as the compiler knows
      sums[i] = _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(x, w));
    }
  }
  HEARTH_UNROLL
  for (int i = 1; i < 12; ++i) sums[0] = _mm256_xor_si256(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(_mm256_extract_epi32(sums[0], 0));
  return rounds * 12 * 32 * 2;
}

std::uint64_t float_work(std::uint64_t rounds, std::uint32_t* result) {
  __m256 sums[12], x = _mm256_set1_ps(3);
  const __m256 w = _mm256_set1_ps(5);
  HEARTH_UNROLL
  for (int i = 0; i < 12; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+x"(x));
    HEARTH_UNROLL
    for (int i = 0; i < 12; ++i) sums[i] = _mm256_fmadd_ps(x, w, sums[i]);
  }
  HEARTH_UNROLL
  for (int i = 1; i < 12; ++i) sums[0] = _mm256_xor_ps(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(_mm256_extract_epi32(_mm256_castps_si256(sums[0]), 0));
  return rounds * 12 * 8 * 2;
}

template <int S>
std::uint64_t read_streams(const std::byte* bytes, std::size_t n) {
  __m256i sums[S] = {};
  for (std::size_t at = 0; at < n / S; at += 32) {
    HEARTH_UNROLL
    for (int i = 0; i < S; ++i)
      sums[i] = _mm256_xor_si256(sums[i], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + n / S * i + at)));
  }
  HEARTH_UNROLL
  for (int i = 1; i < S; ++i) sums[0] = _mm256_xor_si256(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm256_extract_epi64(sums[0], 0));
}

}  // namespace

}  // namespace hearth::kernels::avx2
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_limits_avx2(KernelTable& table) {
  table.int8_work = avx2::int8_work;
  table.float_work = table.bf16_work = avx2::float_work;
  table.read_stream = avx2::read_streams<1>;
  table.read_four_streams = avx2::read_streams<4>;
}

}  // namespace hearth::kernels
#endif
