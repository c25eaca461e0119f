// The limits slots of the avx512 table: what its multiplier and its loads can do at best.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__x86_64__)
#include <immintrin.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {

namespace {

// Sixteen sums hide the latency; each round multiplies and adds 64 bytes per sum.
std::uint64_t int8_work(std::uint64_t rounds, std::uint32_t* result) {
  __m512i sums[16], x = _mm512_set1_epi8(3);
  const __m512i w = _mm512_set1_epi8(5);
  HEARTH_UNROLL
  for (int i = 0; i < 16; ++i) sums[i] = _mm512_set1_epi32(i);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+v"(x));  // a new operand each time, as far as the compiler knows
    HEARTH_UNROLL
    for (int i = 0; i < 16; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], x, w);
  }
  HEARTH_UNROLL
  for (int i = 1; i < 16; ++i) sums[0] = _mm512_xor_si512(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0])));
  return rounds * 16 * 64 * 2;
}

std::uint64_t float_work(std::uint64_t rounds, std::uint32_t* result) {
  __m512 sums[16], x = _mm512_set1_ps(3);
  const __m512 w = _mm512_set1_ps(5);
  HEARTH_UNROLL
  for (int i = 0; i < 16; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+v"(x));
    HEARTH_UNROLL
    for (int i = 0; i < 16; ++i) sums[i] = _mm512_fmadd_ps(x, w, sums[i]);
  }
  HEARTH_UNROLL
  for (int i = 1; i < 16; ++i) sums[0] = _mm512_xor_ps(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(_mm512_castps_si512(sums[0]))));
  return rounds * 16 * 16 * 2;
}

// Asked for into the second-level cache, as the kernels do; asking for what lies behind the end is harmless.
template <int S>
std::uint64_t read_streams(const std::byte* bytes, std::size_t n) {
  __m512i sums[S] = {};
  for (std::size_t at = 0; at < n / S; at += 64) {
    HEARTH_UNROLL
    for (int i = 0; i < S; ++i) {
      const std::byte* line = bytes + n / S * i + at;
      _mm_prefetch(reinterpret_cast<const char*>(line + 4096), _MM_HINT_T1);
      sums[i] = _mm512_xor_si512(sums[i], _mm512_loadu_si512(line));
    }
  }
  HEARTH_UNROLL
  for (int i = 1; i < S; ++i) sums[0] = _mm512_xor_si512(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(sums[0])));
}

}  // namespace

}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_limits_avx512(KernelTable& table) {
  table.int8_work = avx512::int8_work;
  table.float_work = table.bf16_work = avx512::float_work;
  table.read_stream = avx512::read_streams<1>;
  table.read_four_streams = avx512::read_streams<4>;
}

}  // namespace hearth::kernels
#endif
