// Panels unpacked once to bytes, for products with many rows of activations: the same members as the formats, but a
// unit is one load. Written by unpack() from a format, or by the code for formats without readers of their own.

/// 32 elements of 16 rows: units [8][16 rows][4] bytes | d [kScales][16] f32 | m [16] f32, if any.
template <class Form>
struct Panel32 {
  static constexpr std::size_t kBlock = 32;
  static constexpr bool kStreams = false;
  static constexpr int kScales = Form::kScales, kRun = Form::kRun;
  static constexpr bool kRaised = Form::kRaised, kSigned = Form::kSigned, kMin = Form::kMin;
  static constexpr std::size_t kMinAt = 512 + 64 * kScales;
  static constexpr std::size_t kBytes = kMinAt + (kMin ? 64 : 0);
  const std::byte* b;
  HEARTH_INLINE explicit Panel32(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return load(b + 64 * u + 32 * h); }
  HEARTH_INLINE __m256 d(int h, int g) const { return lanes(b + 512 + 64 * g + 32 * h); }
  HEARTH_INLINE __m256 m(int h) const { return lanes(b + kMinAt + 32 * h); }
  HEARTH_INLINE static __m256 lanes(const std::byte* p) { return _mm256_castsi256_ps(load(p)); }
};

/// 256 elements of 16 rows: units [64][16 rows][4] bytes | d [16] f32 | dmin [16] f32 | int16 pairs [kPairs][16] |
/// scales [64 / kScaleUnits][16] as products take them.
template <class Form>
struct Panel256 {
  static constexpr std::size_t kBlock = 256;
  static constexpr bool kStreams = false;
  static constexpr int kPartsTogether = 1;
  static constexpr int kGroup = Form::kGroup, kScaleUnits = Form::kScaleUnits, kPairs = Form::kPairs;
  static constexpr bool kRaised = Form::kRaised, kSigned = Form::kSigned, kMin = Form::kMin, kNarrow = Form::kNarrow;
  static constexpr std::size_t kPairsAt = 4096 + 128;
  static constexpr std::size_t kScalesAt = kPairsAt + 64 * kPairs;
  static constexpr std::size_t kBytes = kScalesAt + 64 * (64 / kScaleUnits);
  const std::byte* b;
  HEARTH_INLINE explicit Panel256(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int, int u) const { return load(b + 512 * j + 64 * u + 32 * h); }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const { return load(b + kScalesAt + 64 * g + 32 * h); }
  HEARTH_INLINE __m256i pair(int h, int p) const { return load(b + kPairsAt + 64 * p + 32 * h); }
  HEARTH_INLINE __m256 d(int h) const { return _mm256_castsi256_ps(load(b + 4096 + 32 * h)); }
  HEARTH_INLINE __m256 dmin(int h) const { return _mm256_castsi256_ps(load(b + 4096 + 64 + 32 * h)); }
};

/// The panel form of a format.
template <class Format, bool is_256 = Format::kBlock == 256>
struct PanelOf {
  using Type = Panel256<Format>;
};
template <class Format>
struct PanelOf<Format, false> {
  using Type = Panel32<Format>;
};

HEARTH_INLINE void store(std::byte* to, __m256i v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
}
HEARTH_INLINE void store(std::byte* to, __m256 v) {
  store(to, _mm256_castps_si256(v));
}

template <class Format>
void unpack32(const std::byte* from, std::size_t n_blocks, std::byte* to) {
  using Panel = typename PanelOf<Format>::Type;
  for (std::size_t b = 0; b < n_blocks; ++b, from += Format::kBytes) {
    const Format w(from);
    HEARTH_UNROLL
    for (int s = 0; s < static_cast<int>(Format::kBlock) / 32; ++s, to += Panel::kBytes) {
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        std::byte* half = to + 32 * h;
        HEARTH_UNROLL
        for (int u = 0; u < 8; ++u) store(half + 64 * u, w.unit(h, 8 * s + u));
        HEARTH_UNROLL
        for (int g = 0; g < Format::kScales; ++g) store(half + 512 + 64 * g, w.d(h, Format::kScales * s + g));
        if constexpr (Format::kMin) store(half + Panel::kMinAt, w.m(h));
      }
    }
  }
}

template <class Format>
void unpack256(const std::byte* from, std::size_t n_blocks, std::byte* to) {
  using Panel = typename PanelOf<Format>::Type;
  for (std::size_t b = 0; b < n_blocks; ++b, from += Format::kBytes, to += Panel::kBytes) {
    const Format w(from);
    for (int h = 0; h < 2; ++h) {
      std::byte* half = to + 32 * h;
      constexpr int kParts = Format::kPartsTogether;
      for (std::size_t j = 0; j < 8 / kParts; ++j) {
        HEARTH_UNROLL
        for (int i = 0; i < 8 * kParts; ++i) store(half + 512 * kParts * j + 64 * i, w.unit(h, j, i / 8, i % 8));
      }
      store(half + 4096, w.d(h));
      if constexpr (Format::kMin) store(half + 4096 + 64, w.dmin(h));
      for (int p = 0; p < Format::kPairs; ++p) store(half + Panel::kPairsAt + 64 * p, w.pair(h, p));
      for (int g = 0; g < 64 / Format::kScaleUnits; ++g)
        store(half + Panel::kScalesAt + 64 * g, scale_operand<Format>(w.scale(h, g)));
    }
  }
}
