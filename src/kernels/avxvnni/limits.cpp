// The limits slot of the avxvnni table: what its multiplier can do at best. Memory is read as AVX2 reads it.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__x86_64__)
#include <immintrin.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVXVNNI)
namespace hearth::kernels::avxvnni {

namespace {

// Twelve sums hide the latency; each round multiplies and adds 32 bytes per sum.
std::uint64_t int8_work(std::uint64_t rounds, std::uint32_t* result) {
  __m256i sums[12], x = _mm256_set1_epi8(3);
  const __m256i w = _mm256_set1_epi8(5);
  HEARTH_UNROLL
  for (int i = 0; i < 12; ++i) sums[i] = _mm256_set1_epi32(i);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+x"(x));  // a new operand each time, as far as the compiler knows
    HEARTH_UNROLL
    for (int i = 0; i < 12; ++i) sums[i] = _mm256_dpbusd_avx_epi32(sums[i], x, w);
  }
  HEARTH_UNROLL
  for (int i = 1; i < 12; ++i) sums[0] = _mm256_xor_si256(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(_mm256_extract_epi32(sums[0], 0));
  return rounds * 12 * 32 * 2;
}

}  // namespace

}  // namespace hearth::kernels::avxvnni
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_limits_avxvnni(KernelTable& table) {
  table.int8_work = avxvnni::int8_work;
}

}  // namespace hearth::kernels
#endif
