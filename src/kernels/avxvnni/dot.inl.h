// Exact sums of products of codes with AVX-VNNI: four products of unsigned with signed bytes and their sum with an
// int32 lane are one instruction. Codes of eight bits are raised by 128, which each sum's start takes back.

#if defined(HEARTH_AVXVNNI_BY_AVX2)
// What the two instructions mean, in AVX2: for tests on processors without them.
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
#else
// Clang takes vpdpwssd apart into two instructions.
#if defined(__clang__)
HEARTH_INLINE __m256i add_word_products(__m256i sum, __m256i a, __m256i b) {
  asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
  return sum;
}
#else
HEARTH_INLINE __m256i add_word_products(__m256i sum, __m256i a, __m256i b) {
  return _mm256_dpwssd_avx_epi32(sum, a, b);
}
#endif
HEARTH_INLINE __m256i add_byte_products(__m256i sum, __m256i raised, __m256i codes) {
  return _mm256_dpbusd_avx_epi32(sum, raised, codes);
}
#endif

/// How codes of eight bits are multiplied: raised by 128, in blocks of 256 as many units as share a sub-scale.
constexpr bool kRaise8Bit = true;
constexpr int group_8bit(int scale_units) {
  return scale_units;
}
/// A sub-scale as products take it: for narrow sums in its low word alone, since the high words of a negative sum and
/// of a negative scale would be multiplied too.
constexpr std::uint32_t scale_lane(std::int16_t scale) {
  return static_cast<std::uint32_t>(std::int32_t{scale});
}
template <class Source>
HEARTH_INLINE __m256i scale_operand(__m256i scales) {
  return Source::kNarrow ? _mm256_and_si256(scales, _mm256_set1_epi32(0xffff)) : scales;
}

/// Units of a 32-block that are added before they are widened: nothing is.
template <class Source>
constexpr int run_of(int units) {
  return units;
}

/// Products of both halves of a panel with C columns.
template <class Source, int C>
struct DotRun {
  __m256i sums[2][C];
  HEARTH_INLINE void begin(const __m256i (&start)[C]) {
    HEARTH_UNROLL
    for (int i = 0; i < 2 * C; ++i) sums[i / C][i % C] = start[i % C];
  }
  /// Adds one unit of each half times the four codes at x of each column.
  HEARTH_INLINE void unit(const __m256i (&w)[2], const std::byte* x, std::size_t stride, bool) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m256i four = splat(x + c * stride);
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) sums[h][c] = add_byte_products(sums[h][c], w[h], four);
    }
  }
  /// The sums, which began with what stands in `to`.
  HEARTH_INLINE void finish(__m256i (&to)[2][C]) const {
    HEARTH_UNROLL
    for (int i = 0; i < 2 * C; ++i) to[i / C][i % C] = sums[i / C][i % C];
  }
  HEARTH_INLINE void finish(__m256i (&sum)[2][C], const __m256i (&scale)[2]) const {
    HEARTH_UNROLL
    for (int i = 0; i < 2 * C; ++i) {
      __m256i& to = sum[i / C][i % C];
      const __m256i group = sums[i / C][i % C];
      to = Source::kNarrow ? add_word_products(to, group, scale[i / C])
                           : _mm256_add_epi32(to, _mm256_mullo_epi32(group, scale[i / C]));
    }
  }
};
