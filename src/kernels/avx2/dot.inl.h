// Exact sums of products of codes with AVX2.
//
// vpmaddubsw multiplies unsigned by signed bytes and adds pairs in int16, which must not saturate: a run of products of
// the source's largest code with 127 fits. Signed codes take the absolute value as the unsigned operand and give their
// sign to the activation: 128 * 127 * 2 fits once. vpmaddwd then widens to int32 and multiplies with the sub-scale for
// free.

/// How codes of eight bits are multiplied: as they are, not raised by 128; in blocks of 256 a unit at a time. A
/// sub-scale stands twice in its lane.
constexpr bool kRaise8Bit = false;
constexpr int group_8bit(int) {
  return 1;
}
constexpr std::uint32_t scale_lane(std::int16_t scale) {
  return static_cast<std::uint16_t>(scale) * 0x10001u;
}
template <class Source>
HEARTH_INLINE __m256i scale_operand(__m256i scales) {
  return join_pairs(scales, scales);
}

/// Units of a 32-block that are added before they are widened.
template <class Source>
constexpr int run_of(int units) {
  return Source::kRun < units ? Source::kRun : units;
}

template <class Source>
constexpr int units_of_run() {
  if constexpr (Source::kBlock == 256) {
    return Source::kGroup;
  } else {
    return Source::kRun;
  }
}

/// Products of both halves of a panel with C columns, added in pairs as int16.
template <class Source, int C, bool is_short = units_of_run<Source>() <= 2>
struct DotRun {
  static_assert(!Source::kSigned);
  __m256i pairs[2][C];
  HEARTH_INLINE void begin(const __m256i (&)[C]) {}  // what sums begin with stands in the sums
  /// Adds one unit of each half times the four codes at x of each column; `first` begins anew.
  HEARTH_INLINE void unit(const __m256i (&w)[2], const std::byte* x, std::size_t stride, bool first) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m256i four = splat(x + c * stride);
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        const __m256i product = _mm256_maddubs_epi16(w[h], four);
        pairs[h][c] = first ? product : _mm256_add_epi16(pairs[h][c], product);
        asm("" : "+x"(pairs[h][c]));  // GCC would add the products as a tree and run out of registers
      }
    }
  }
  HEARTH_INLINE void finish(__m256i (&sum)[2][C]) const {
    const __m256i ones[2] = {_mm256_set1_epi16(1), _mm256_set1_epi16(1)};
    finish(sum, ones);
  }
  HEARTH_INLINE void finish(__m256i (&sum)[2][C], const __m256i (&scale)[2]) const {
    HEARTH_UNROLL
    for (int i = 0; i < 2 * C; ++i) {
      __m256i& to = sum[i / C][i % C];
      to = _mm256_add_epi32(to, _mm256_madd_epi16(pairs[i / C][i % C], scale[i / C]));
    }
  }
};

/// The same for runs of one unit or two: what the columns make of them goes into the sums one column after another,
/// since pairs of all columns beside the sums would not fit the registers.
template <class Source, int C>
struct DotRun<Source, C, true> {
  static constexpr int kUnits = units_of_run<Source>();
  __m256i w[kUnits][2];
  const std::byte* x[kUnits];
  std::size_t stride;
  int n = 0;
  HEARTH_INLINE void begin(const __m256i (&)[C]) {}
  HEARTH_INLINE void unit(const __m256i (&units)[2], const std::byte* codes, std::size_t column_stride, bool) {
    w[n][0] = units[0], w[n][1] = units[1], x[n] = codes, stride = column_stride;
    ++n;
  }
  HEARTH_INLINE void finish(__m256i (&sum)[2][C]) const {
    const __m256i ones[2] = {_mm256_set1_epi16(1), _mm256_set1_epi16(1)};
    finish(sum, ones);
  }
  HEARTH_INLINE void finish(__m256i (&sum)[2][C], const __m256i (&scale)[2]) const {
    __m256i magnitude[kUnits][2];
    HEARTH_UNROLL
    for (int i = 0; i < 2 * kUnits; ++i)
      magnitude[i / 2][i % 2] = Source::kSigned ? _mm256_abs_epi8(w[i / 2][i % 2]) : w[i / 2][i % 2];
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      __m256i pairs[2];
      HEARTH_UNROLL
      for (int u = 0; u < kUnits; ++u) {
        const __m256i four = splat(x[u] + c * stride);
        HEARTH_UNROLL
        for (int h = 0; h < 2; ++h) {
          const __m256i signed_codes = Source::kSigned ? _mm256_sign_epi8(four, w[u][h]) : four;
          const __m256i product = _mm256_maddubs_epi16(magnitude[u][h], signed_codes);
          pairs[h] = u == 0 ? product : _mm256_add_epi16(pairs[h], product);
        }
      }
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        sum[h][c] = _mm256_add_epi32(sum[h][c], _mm256_madd_epi16(pairs[h], scale[h]));
        asm("" : "+x"(sum[h][c]));  // before the next column, or GCC keeps many products waiting
      }
    }
  }
};
