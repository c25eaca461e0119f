// What AVX-512 with BF16 adds to the avx512 table: products of BF16 weights with activations that are BF16, too.
//
// vdpbf16ps takes two elements of K at once and rounds as two fused multiply-adds do, the odd one first (a product of
// two BF16 numbers is exact). Pairs lie the other way round here, so that K ascends and the bits are those of one
// multiply-add per element; only subnormal numbers count as zero.
#include "kernels/avx512/drive.inl.h"
#include "kernels/families.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512_BF16)
namespace hearth::kernels::avx512_bf16 {
namespace {

using avx512::prefetch;

#include "kernels/avx512/plain.inl.h"

struct PairsOfBF16 {
  using Rows = __m512i;
  static constexpr std::size_t kElements = 2, kBytes = 64, kColumnsBytes = 512 * 1024, kColumnsLeast = 48;
  static constexpr std::size_t column_bytes(std::size_t k) { return odd_lines(2 * k); }

  /// Per row: the odd element in the low half of a word, the even one in the high half.
  HEARTH_INLINE static __m512i pairs_of(__m512i elements) {
    const __m512i rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i odd_low_even_high =
        _mm512_or_si512(_mm512_add_epi32(rows, _mm512_set1_epi32(16)), _mm512_slli_epi32(rows, 16));
    return _mm512_permutexvar_epi16(odd_low_even_high, elements);
  }
  HEARTH_INLINE static __m512i load_rows(const std::byte* p) { return pairs_of(_mm512_loadu_si512(p)); }
  HEARTH_INLINE static __m512i load_last(const std::byte* p) {
    return pairs_of(_mm512_zextsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
  }
  HEARTH_INLINE static __m512 multiply_add(__m512 sums, __m512i w, const float* word) {
    const __m512i x = _mm512_castps_si512(_mm512_set1_ps(*word));
    return _mm512_dpbf16_ps(sums, __builtin_bit_cast(__m512bh, w), __builtin_bit_cast(__m512bh, x));
  }

  static PlainColumns columns(const ActRows& x, std::size_t first, std::size_t n, std::byte* scratch) {
    for (std::size_t c = 0; c < n; ++c) {
      const float* values = x.values + (first + c) * x.value_stride;
      std::byte* to = scratch + column_bytes(x.k) * c;
      for (std::size_t i = 0; i < x.k / 2; ++i) {
        std::uint64_t two;  // a float's high half is its BF16
        __builtin_memcpy(&two, values + 2 * i, sizeof two);
        const auto word = static_cast<std::uint32_t>((two & 0xffff0000u) | two >> 48);
        __builtin_memcpy(to + 4 * i, &word, sizeof word);
      }
      if (x.k % 2 == 1) __builtin_memcpy(to + 2 * (x.k - 1), values + x.k - 1, 4);
    }
    return {reinterpret_cast<const float*>(scratch), column_bytes(x.k) / sizeof(float)};
  }
};

// What the multiplier can do at best, for the limits slot.
std::uint64_t bf16_work(std::uint64_t rounds, std::uint32_t* result) {
  __m512 sums[16];
  __m512i x = _mm512_set1_epi32(0x3f803f80);
  const __m512i w = _mm512_set1_epi32(0x40004000);
  HEARTH_UNROLL
  for (int i = 0; i < 16; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+v"(x));
    HEARTH_UNROLL
    for (int i = 0; i < 16; ++i)
      sums[i] = _mm512_dpbf16_ps(sums[i], __builtin_bit_cast(__m512bh, x), __builtin_bit_cast(__m512bh, w));
  }
  HEARTH_UNROLL
  for (int i = 1; i < 16; ++i) sums[0] = _mm512_xor_ps(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(_mm512_castps_si512(sums[0]))));
  return rounds * 16 * 32 * 2;
}

}  // namespace
}  // namespace hearth::kernels::avx512_bf16
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_bf16_avx512(KernelTable& table) {
  table.matmul_bf16 = avx512_bf16::matmul<avx512_bf16::PairsOfBF16>;
  table.matmul_bf16_isa = "avx512_bf16";
  table.bf16_work = avx512_bf16::bf16_work;
}

}  // namespace hearth::kernels
