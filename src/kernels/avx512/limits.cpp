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

// Four streams, asked for into the second-level cache: one core reads faster so than along one, or unasked (Zen 4: 22,
// 17 and 19 GB/s). Asking for what lies behind the end is harmless.
std::uint64_t read_memory(const std::byte* bytes, std::size_t n) {
  __m512i sums[4] = {};
  for (std::size_t at = 0; at < n / 4; at += 64) {
    HEARTH_UNROLL
    for (int i = 0; i < 4; ++i) {
      const std::byte* line = bytes + n / 4 * i + at;
      _mm_prefetch(reinterpret_cast<const char*>(line + 4096), _MM_HINT_T1);
      sums[i] = _mm512_xor_si512(sums[i], _mm512_loadu_si512(line));
    }
  }
  const __m512i all = _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]), _mm512_xor_si512(sums[2], sums[3]));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(all)));
}

}  // namespace

}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_limits_avx512(KernelTable& table) {
  table.int8_work = avx512::int8_work;
  table.read_memory = avx512::read_memory;
}

}  // namespace hearth::kernels
#endif
