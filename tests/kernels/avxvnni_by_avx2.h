// The avxvnni table with its two instructions written out in AVX2: every other line of it runs on processors that lack
// them.
#pragma once

#include "kernels/families.h"
#include "kernels/take_apart.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/target.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
namespace hearth::kernels::avxvnni {

namespace {

HEARTH_INLINE __m256i add_byte_products(__m256i sum, __m256i raised, __m256i codes) {
  HEARTH_UNROLL
  for (int i = 0; i < 2; ++i) {  // even bytes of both to int16, then odd ones
    const __m256i a = i == 0 ? _mm256_and_si256(raised, _mm256_set1_epi16(0xff)) : _mm256_srli_epi16(raised, 8);
    const __m256i b = _mm256_srai_epi16(i == 0 ? _mm256_slli_epi16(codes, 8) : codes, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  }
  return sum;
}
HEARTH_INLINE __m256i add_word_products(__m256i sum, __m256i a, __m256i b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

}  // namespace

}  // namespace hearth::kernels::avxvnni
HEARTH_TARGET_END

#define HEARTH_AVXVNNI_BY_AVX2
#include "kernels/avxvnni/blocks.inl.h"
#undef HEARTH_AVXVNNI_BY_AVX2

namespace hearth::kernels::avxvnni {

namespace {

namespace blocks_32 {
#include "kernels/avx2/fill_32.inl.h"
}
namespace blocks_256 {
#include "kernels/avx2/fill_256.inl.h"
}
namespace blocks_any {
#include "kernels/avx2/fill_any.inl.h"
}

const KernelTable& table_by_avx2() {
  static const KernelTable table = [] {
    KernelTable made = avx2_table();
    made.name = "avxvnni by avx2";
    blocks_any::fill(made, made.name);
    blocks_32::fill(made, made.name);
    blocks_256::fill(made, made.name);
    return made;
  }();
  return table;
}

}  // namespace

}  // namespace hearth::kernels::avxvnni
#endif
