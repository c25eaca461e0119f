// Exact sums of products for half a panel with sdot, whose lane form multiplies four codes of one column of activations
// with four rows at once.

/// [column][4 rows], rows 0-3 and 4-7 of the half.
template <int C>
struct Sums {
  int32x4_t a[C], b[C];
  HEARTH_INLINE void clear() {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) a[c] = b[c] = vdupq_n_s32(0);
  }
};

template <int C>
struct Dot {
  Sums<C> sums;
  HEARTH_INLINE void clear() { sums.clear(); }
  template <int lane>
  HEARTH_INLINE void add_unit(Pair w, const int8x16_t (&x)[C]) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      sums.a[c] = vdotq_laneq_s32(sums.a[c], w.a, x[c], lane);
      sums.b[c] = vdotq_laneq_s32(sums.b[c], w.b, x[c], lane);
    }
  }
  /// Four units of weights, sixteen codes of each column.
  HEARTH_INLINE void add(Pair w0, Pair w1, Pair w2, Pair w3, const int8x16_t (&x)[C]) {
    add_unit<0>(w0, x);
    add_unit<1>(w1, x);
    add_unit<2>(w2, x);
    add_unit<3>(w3, x);
  }
  HEARTH_INLINE Sums<C> rows() const { return sums; }
};
