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

/// Two units of weights, four codes of four rows each, as two rows of eight codes each: what smmla multiplies.
HEARTH_INLINE void zip_units(Pair& w0, Pair& w1) {
  const int32x4_t a0 = vreinterpretq_s32_s8(w0.a), a1 = vreinterpretq_s32_s8(w1.a);
  const int32x4_t b0 = vreinterpretq_s32_s8(w0.b), b1 = vreinterpretq_s32_s8(w1.b);
  w0 = {vreinterpretq_s8_s32(vzip1q_s32(a0, a1)), vreinterpretq_s8_s32(vzip2q_s32(a0, a1))};
  w1 = {vreinterpretq_s8_s32(vzip1q_s32(b0, b1)), vreinterpretq_s8_s32(vzip2q_s32(b0, b1))};
}
HEARTH_INLINE void unzip_units(Pair& w0, Pair& w1) {
  const int32x4_t a0 = vreinterpretq_s32_s8(w0.a), a1 = vreinterpretq_s32_s8(w0.b);
  const int32x4_t b0 = vreinterpretq_s32_s8(w1.a), b1 = vreinterpretq_s32_s8(w1.b);
  w0 = {vreinterpretq_s8_s32(vuzp1q_s32(a0, a1)), vreinterpretq_s8_s32(vuzp1q_s32(b0, b1))};
  w1 = {vreinterpretq_s8_s32(vuzp2q_s32(a0, a1)), vreinterpretq_s8_s32(vuzp2q_s32(b0, b1))};
}

/// An unpacked panel whose units were zipped when it was written.
template <class Unpacked>
struct Zipped : Unpacked {
  HEARTH_INLINE explicit Zipped(const std::byte* block) : Unpacked(block) {}
};
template <class Source>
inline constexpr bool kIsZipped = false;
template <class Unpacked>
inline constexpr bool kIsZipped<Zipped<Unpacked>> = true;

template <int C>
struct Dot {
  static constexpr bool kZipped = false;  // how it wants its weights
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
