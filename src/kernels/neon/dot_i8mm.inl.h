// Exact sums of products for half a panel with smmla, which multiplies two rows with two columns over eight codes. An
// odd column stays with sdot.

template <int C>
struct PairwiseDot {
  static constexpr bool kZipped = true;
  int32x4_t t[C / 2][4];  // [two columns][two rows]: r0 c0, r0 c1, r1 c0, r1 c1
  HEARTH_INLINE void clear() {
    HEARTH_UNROLL
    for (int c = 0; c < C / 2; ++c) {
      HEARTH_UNROLL
      for (int r = 0; r < 4; ++r) t[c][r] = vdupq_n_s32(0);
    }
  }
  /// Two units of weights, zipped; eight codes of two columns in each x.
  HEARTH_INLINE void add_eight(Pair w0, Pair w1, const int8x16_t (&x)[C / 2]) {
    const int8x16_t w[4] = {w0.a, w0.b, w1.a, w1.b};
    HEARTH_UNROLL
    for (int c = 0; c < C / 2; ++c) {
      HEARTH_UNROLL
      for (int r = 0; r < 4; ++r) t[c][r] = vmmlaq_s32(t[c][r], w[r], x[c]);
    }
  }
  HEARTH_INLINE void add(Pair w0, Pair w1, Pair w2, Pair w3, const int8x16_t (&x)[C]) {
    int8x16_t low[C / 2], high[C / 2];
    HEARTH_UNROLL
    for (int c = 0; c < C / 2; ++c) {
      const int64x2_t first = vreinterpretq_s64_s8(x[2 * c]), second = vreinterpretq_s64_s8(x[2 * c + 1]);
      low[c] = vreinterpretq_s8_s64(vzip1q_s64(first, second));
      high[c] = vreinterpretq_s8_s64(vzip2q_s64(first, second));
    }
    add_eight(w0, w1, low);
    add_eight(w2, w3, high);
  }
  HEARTH_INLINE Sums<C> rows() const {
    Sums<C> sums;
    HEARTH_UNROLL
    for (int c = 0; c < C / 2; ++c) {
      sums.a[2 * c] = vuzp1q_s32(t[c][0], t[c][1]);
      sums.a[2 * c + 1] = vuzp2q_s32(t[c][0], t[c][1]);
      sums.b[2 * c] = vuzp1q_s32(t[c][2], t[c][3]);
      sums.b[2 * c + 1] = vuzp2q_s32(t[c][2], t[c][3]);
    }
    return sums;
  }
};

template <>
struct Dot<2> : PairwiseDot<2> {};
template <>
struct Dot<4> : PairwiseDot<4> {};
