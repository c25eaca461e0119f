// Exact sums of products of codes with AVX-VNNI: four products of unsigned with signed bytes and their sum with an
// int32 lane are one instruction. Codes of eight bits are raised by 128, which each sum's start takes back.

/// How codes of eight bits are multiplied: raised by 128, in blocks of 256 as many units as share a sub-scale.
constexpr bool kRaise8Bit = true;
constexpr int group_8bit(int scale_units) {
  return scale_units;
}
/// A sub-scale as it is stored for products: an int32 lane.
constexpr std::uint32_t scale_lane(std::int16_t scale) {
  return static_cast<std::uint32_t>(std::int32_t{scale});
}
/// Sub-scales as products take them: for narrow sums in the low words alone, since the high words of a negative sum and
/// of a negative scale would be multiplied too.
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
