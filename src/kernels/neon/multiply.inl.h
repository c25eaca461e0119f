// The integer micro-kernels of NEON: 8 rows of weights (half a panel) times a tile of 1..4 columns of activations,
// blocks of K ascending. Included after formats.inl.h and dot.inl.h.

constexpr int kMaxColumns = 4;

/// Sixteen codes of each column.
template <int C>
HEARTH_INLINE void load_columns(const std::int8_t* codes, std::size_t stride, int8x16_t (&x)[C]) {
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) x[c] = vld1q_s8(codes + c * stride);
}

/// Four units of the source's weights, sixteen codes of each column.
template <class Source, int C>
HEARTH_INLINE void add_units(Dot<C>& sum, Pair w0, Pair w1, Pair w2, Pair w3, const int8x16_t (&x)[C]) {
  if constexpr (Dot<C>::kZipped && !kIsZipped<Source>) {
    zip_units(w0, w1);
    zip_units(w2, w3);
  } else if constexpr (!Dot<C>::kZipped && kIsZipped<Source>) {
    unzip_units(w0, w1);
    unzip_units(w2, w3);
  }
  sum.add(w0, w1, w2, w3, x);
}

/// acc[c][8] of one half: W x over all blocks, for columns first .. first + C of x.
template <class Source, int C>
void multiply32(const std::byte* panel, int half, const ActRows& x, std::size_t first, float* acc) {
  const std::size_t n_blocks = x.k / 32;
  const float* scales = x.scales + first * n_blocks;
  const std::int32_t* sums = x.sums + first * n_blocks;
  const int q = 2 * half;
  float32x4_t a[C], b[C];
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) a[c] = b[c] = vdupq_n_f32(0.0f);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    const Source w(panel + block * Source::kBytes);
    const std::int8_t* codes = x.codes + first * x.k + block * 32;
    Dot<C> sum;
    sum.clear();
    int8x16_t sixteen[C];
    load_columns<C>(codes, x.k, sixteen);
    add_units<Source, C>(sum, w.pair(0, half), w.pair(1, half), w.pair(2, half), w.pair(3, half), sixteen);
    load_columns<C>(codes + 16, x.k, sixteen);
    add_units<Source, C>(sum, w.pair(4, half), w.pair(5, half), w.pair(6, half), w.pair(7, half), sixteen);
    const Sums<C> dot = sum.rows();
    const float32x4_t d_a = w.d(q), d_b = w.d(q + 1);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const float scale = scales[c * n_blocks + block];
      a[c] = vfmaq_f32(a[c], vcvtq_f32_s32(dot.a[c]), vmulq_n_f32(d_a, scale));
      b[c] = vfmaq_f32(b[c], vcvtq_f32_s32(dot.b[c]), vmulq_n_f32(d_b, scale));
      if constexpr (Source::kMin) {
        const float32x4_t low = vdupq_n_f32(scale * static_cast<float>(sums[c * n_blocks + block]));
        a[c] = vfmaq_f32(a[c], w.m(q), low);
        b[c] = vfmaq_f32(b[c], w.m(q + 1), low);
      }
    }
  }
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) {
    vst1q_f32(acc + 8 * c, a[c]);
    vst1q_f32(acc + 8 * c + 4, b[c]);
  }
}

/// The same for NVFP4: a scale of its own for every 16 elements.
template <class Source, int C>
void multiply64(const std::byte* panel, int half, const ActRows& x, std::size_t first, float* acc) {
  const std::size_t n_scales = x.k / 32;
  const float* scales = x.scales + first * n_scales;
  const int q = 2 * half;
  float32x4_t a[C], b[C];
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) a[c] = b[c] = vdupq_n_f32(0.0f);
  for (std::size_t block = 0; block < x.k / 64; ++block) {
    const Source w(panel + block * Source::kBytes);
    const std::int8_t* codes = x.codes + first * x.k + block * 64;
    for (int g = 0; g < 4; ++g) {
      Dot<C> sum;
      sum.clear();
      int8x16_t sixteen[C];
      load_columns<C>(codes + 16 * g, x.k, sixteen);
      add_units<Source, C>(sum, w.pair(4 * g, half), w.pair(4 * g + 1, half), w.pair(4 * g + 2, half),
                           w.pair(4 * g + 3, half), sixteen);
      const Sums<C> dot = sum.rows();
      const float32x4_t d_a = w.d(g, q), d_b = w.d(g, q + 1);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) {
        const float scale = scales[c * n_scales + 2 * block + g / 2];
        a[c] = vfmaq_f32(a[c], vcvtq_f32_s32(dot.a[c]), vmulq_n_f32(d_a, scale));
        b[c] = vfmaq_f32(b[c], vcvtq_f32_s32(dot.b[c]), vmulq_n_f32(d_b, scale));
      }
    }
  }
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) {
    vst1q_f32(acc + 8 * c, a[c]);
    vst1q_f32(acc + 8 * c + 4, b[c]);
  }
}

/// total += dot * sub-scale of group g.
template <class Source, int C>
HEARTH_INLINE void add_group(const Source& w, int g, int q, const Sums<C>& dot, Sums<C>& total) {
  const int32x4_t s_a = w.scale(g, q), s_b = w.scale(g, q + 1);
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) {
    total.a[c] = vmlaq_s32(total.a[c], dot.a[c], s_a);
    total.b[c] = vmlaq_s32(total.b[c], dot.b[c], s_b);
  }
}

/// low = sum over groups of min * (sum of the group's activations); sums: [column][k / 16] from this block on.
template <class Source, int C>
HEARTH_INLINE void add_minima(const Source& w, int q, const std::int32_t* sums, std::size_t stride, Sums<C>& low) {
  constexpr int kPer = Source::kGroup / 4;  // sums per group
  for (int g = 0; g < 16 / kPer; ++g) {
    const int32x4_t m_a = w.min(g, q), m_b = w.min(g, q + 1);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const std::int32_t* s = sums + c * stride + g * kPer;
      const std::int32_t sum = kPer == 1 ? s[0] : s[0] + s[1];
      low.a[c] = vmlaq_n_s32(low.a[c], m_a, sum);
      low.b[c] = vmlaq_n_s32(low.b[c], m_b, sum);
    }
  }
}

/// The same for 256-blocks.
template <class Source, int C>
void multiply256(const std::byte* panel, int half, const ActRows& x, std::size_t first, float* acc) {
  const std::size_t n_blocks = x.k / 256, n_sums = x.k / 16;
  const float* scales = x.scales + first * n_blocks;
  const int q = 2 * half;
  float32x4_t a[C], b[C];
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) a[c] = b[c] = vdupq_n_f32(0.0f);
  for (std::size_t block = 0; block < n_blocks; ++block) {
    const Source w(panel + block * Source::kBytes);
    const std::int8_t* codes = x.codes + first * x.k + block * 256;
    Sums<C> total;
    total.clear();
    for (int part = 0; part < 8; ++part) {
      Dot<C> sum;
      sum.clear();
      int8x16_t sixteen[C];
      load_columns<C>(codes + 32 * part, x.k, sixteen);
      add_units<Source, C>(sum, w.pair(part, 0, half), w.pair(part, 1, half), w.pair(part, 2, half),
                           w.pair(part, 3, half), sixteen);
      if constexpr (Source::kGroup == 4) {
        add_group<Source, C>(w, 2 * part, q, sum.rows(), total);
        sum.clear();
      }
      load_columns<C>(codes + 32 * part + 16, x.k, sixteen);
      add_units<Source, C>(sum, w.pair(part, 4, half), w.pair(part, 5, half), w.pair(part, 6, half),
                           w.pair(part, 7, half), sixteen);
      add_group<Source, C>(w, Source::kGroup == 4 ? 2 * part + 1 : part, q, sum.rows(), total);
    }
    Sums<C> low;
    if constexpr (Source::kMin) {
      low.clear();
      add_minima<Source, C>(w, q, x.sums + first * n_sums + block * 16, n_sums, low);
    }
    const float32x4_t d_a = w.d(q), d_b = w.d(q + 1);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const float scale = scales[c * n_blocks + block];
      a[c] = vfmaq_f32(a[c], vcvtq_f32_s32(total.a[c]), vmulq_n_f32(d_a, scale));
      b[c] = vfmaq_f32(b[c], vcvtq_f32_s32(total.b[c]), vmulq_n_f32(d_b, scale));
      if constexpr (Source::kMin) {
        a[c] = vfmaq_f32(a[c], vcvtq_f32_s32(low.a[c]), vnegq_f32(vmulq_n_f32(w.dmin(q), scale)));
        b[c] = vfmaq_f32(b[c], vcvtq_f32_s32(low.b[c]), vnegq_f32(vmulq_n_f32(w.dmin(q + 1), scale)));
      }
    }
  }
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) {
    vst1q_f32(acc + 8 * c, a[c]);
    vst1q_f32(acc + 8 * c + 4, b[c]);
  }
}
