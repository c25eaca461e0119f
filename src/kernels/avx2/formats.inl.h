// How AVX2 reads the block formats: one small struct per format, made at a panel block, whose members give registers of
// 8 rows; h (0 or 1) chooses the half of the panel's 16 rows. Included after bits.inl.h.
//
// unit(h, u): four consecutive codes of each row as bytes: unsigned and raised by kOffset, or signed (kSigned). kRun
// units (kGroup in blocks of 256) are added before anything else happens to them: in int16 without overflow where
// kNarrow, as all of AVX2's are. Blocks of 256 have 8 parts of 8 units, of which kPartsTogether share bytes:
// unit(h, j, i, u) is unit u of part kPartsTogether * j + i; scale(h, g) the sub-scale of the g-th kScaleUnits units,
// int32 lanes; pair(h, p) int16 pairs to be multiplied with the pairs of sums of ActColumn256: the minima, or kOffset
// times the sub-scales, which takes raised codes back after the sums as kRaised does before them.

// ---- 32-blocks ----------------------------------------------------------------------------------------------------

struct Q4_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 288;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 8, kRun = 8;
  static constexpr bool kRaised = true, kSigned = false, kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit Q4_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return nibble_unit(b + 32, h, u); }
  HEARTH_INLINE __m256 d(int h, int) const { return load_f16(b + 16 * h); }
};

struct Q4_1 {
  static constexpr std::size_t kBlock = 32, kBytes = 320;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 0, kRun = 8;
  static constexpr bool kRaised = false, kSigned = false, kMin = true;
  const std::byte* b;
  HEARTH_INLINE explicit Q4_1(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return nibble_unit(b + 64, h, u); }
  HEARTH_INLINE __m256 d(int h, int) const { return load_f16(b + 16 * h); }
  HEARTH_INLINE __m256 m(int h) const { return load_f16(b + 32 + 16 * h); }
};

struct Q5_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 352;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 16, kRun = 4;
  static constexpr bool kRaised = true, kSigned = false, kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit Q5_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const {
    return add_fifth_bits(nibble_unit(b + 96, h, u), b + 32 + 8 * u, h);
  }
  HEARTH_INLINE __m256 d(int h, int) const { return load_f16(b + 16 * h); }
};

struct Q5_1 {
  static constexpr std::size_t kBlock = 32, kBytes = 384;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 0, kRun = 4;
  static constexpr bool kRaised = false, kSigned = false, kMin = true;
  const std::byte* b;
  HEARTH_INLINE explicit Q5_1(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const {
    return add_fifth_bits(nibble_unit(b + 128, h, u), b + 64 + 8 * u, h);
  }
  HEARTH_INLINE __m256 d(int h, int) const { return load_f16(b + 16 * h); }
  HEARTH_INLINE __m256 m(int h) const { return load_f16(b + 32 + 16 * h); }
};

struct Q8_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 544;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 0, kRun = 1;
  static constexpr bool kRaised = false, kSigned = true, kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit Q8_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return load(b + 32 + 64 * u + 32 * h); }
  HEARTH_INLINE __m256 d(int h, int) const { return load_f16(b + 16 * h); }
};

HEARTH_INLINE __m128i values_iq4() {
  return _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
}
/// The doubled values of E2M1, raised by 12.
HEARTH_INLINE __m128i raised_values_e2m1() {
  return _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
}

struct IQ4_NL {
  static constexpr std::size_t kBlock = 32, kBytes = 288;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 0, kRun = 1;
  static constexpr bool kRaised = false, kSigned = true, kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit IQ4_NL(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return look_up(values_iq4(), nibble_unit(b + 32, h, u)); }
  HEARTH_INLINE __m256 d(int h, int) const { return load_f16(b + 16 * h); }
};

struct MXFP4 {
  static constexpr std::size_t kBlock = 32, kBytes = 272;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 1, kOffset = 12, kRun = 4;
  static constexpr bool kRaised = true, kSigned = false, kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit MXFP4(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return look_up(raised_values_e2m1(), nibble_unit(b + 16, h, u)); }
  /// Half of 2^(e - 127): a subnormal for e < 2.
  HEARTH_INLINE __m256 d(int h, int) const {
    const __m256i e = widen_u8(b + 8 * h);
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, subnormal, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
  }
};

struct NVFP4 {
  static constexpr std::size_t kBlock = 64, kBytes = 576;
  static constexpr bool kStreams = true;
  static constexpr int kScales = 2, kOffset = 12, kRun = 4;
  static constexpr bool kRaised = true, kSigned = false, kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit NVFP4(const std::byte* block) : b(block) {}
  /// Of 16 elements, two words: low nibbles the first eight, high nibbles the others.
  HEARTH_INLINE __m256i unit(int h, int u) const {
    const __m256i v = load(b + 64 + 64 * (u / 4 * 2 + (u & 1)) + 32 * h);
    return look_up(raised_values_e2m1(), u & 2 ? high_nibbles(v) : low_nibbles(v));
  }
  /// Half of an UE4M3 number: m / 2^10, or (8 + m) << (e - 1) / 2^10; the byte 0x7f is zero, the top bit else ignored.
  HEARTH_INLINE __m256 d(int h, int g) const {
    const __m256i bits = widen_u8(b + 16 * g + 8 * h);
    const __m256i e = _mm256_and_si256(_mm256_srli_epi32(bits, 3), _mm256_set1_epi32(15));
    const __m256i m = _mm256_and_si256(bits, _mm256_set1_epi32(7));
    const __m256i normal =
        _mm256_sllv_epi32(_mm256_or_si256(m, _mm256_set1_epi32(8)), _mm256_sub_epi32(e, _mm256_set1_epi32(1)));
    const __m256i value = _mm256_blendv_epi8(normal, m, _mm256_cmpeq_epi32(e, _mm256_setzero_si256()));
    const __m256i invalid = _mm256_cmpeq_epi32(bits, _mm256_set1_epi32(0x7f));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_andnot_si256(invalid, value)), _mm256_set1_ps(0x1p-10f));
  }
};

// ---- 256-blocks ---------------------------------------------------------------------------------------------------

/// The 6-bit scales and minima of Q4_K and Q5_K, from planes lo[2][4][16] and hi[4][16] (layout.cpp).
struct ScalePlanes {
  alignas(32) std::uint8_t scales[8 * 16];
  alignas(32) std::uint8_t mins[8 * 16];
  HEARTH_INLINE explicit ScalePlanes(const std::byte* planes) {
    const __m256i two_bits = _mm256_set1_epi8(0x30);
    HEARTH_UNROLL
    for (int i = 0; i < 2; ++i) {
      const __m256i lo_scales = load(planes + 32 * i), lo_mins = load(planes + 64 + 32 * i);
      const __m256i hi = load(planes + 128 + 32 * i);
      store(scales + 32 * i, low_nibbles(lo_scales), _mm256_and_si256(_mm256_slli_epi16(hi, 4), two_bits));
      store(scales + 64 + 32 * i, high_nibbles(lo_scales), _mm256_and_si256(_mm256_slli_epi16(hi, 2), two_bits));
      store(mins + 32 * i, low_nibbles(lo_mins), _mm256_and_si256(hi, two_bits));
      store(mins + 64 + 32 * i, high_nibbles(lo_mins), _mm256_and_si256(_mm256_srli_epi16(hi, 2), two_bits));
    }
  }
  HEARTH_INLINE static void store(std::uint8_t* to, __m256i low, __m256i high) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_or_si256(low, high));
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const { return widen_u8(scales + 16 * g + 8 * h); }
  HEARTH_INLINE __m256i pair(int h, int p) const {
    return join_pairs(widen_u8(mins + 16 * p + 8 * h), widen_u8(mins + 64 + 16 * p + 8 * h));
  }
};

struct Q4_K {
  static constexpr std::size_t kBlock = 256, kBytes = 2304;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 2;
  static constexpr int kScaleUnits = 8, kOffset = 0, kGroup = 8, kPairs = 4;
  static constexpr bool kSigned = false, kMin = true, kRaised = false, kNarrow = true;
  const std::byte* b;
  ScalePlanes planes;
  HEARTH_INLINE explicit Q4_K(const std::byte* block) : b(block), planes(block + 64) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int i, int u) const {
    return low_nibbles(shift_right(load(b + 256 + 512 * j + 64 * u + 32 * h), 4 * i));
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const { return planes.scale(h, g); }
  HEARTH_INLINE __m256i pair(int h, int p) const { return planes.pair(h, p); }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
  HEARTH_INLINE __m256 dmin(int h) const { return load_f16(b + 32 + 16 * h); }
};

struct Q5_K {
  static constexpr std::size_t kBlock = 256, kBytes = 2816;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 2;
  static constexpr int kScaleUnits = 8, kOffset = 0, kGroup = 4, kPairs = 4;
  static constexpr bool kSigned = false, kMin = true, kRaised = false, kNarrow = true;
  const std::byte* b;
  ScalePlanes planes;
  HEARTH_INLINE explicit Q5_K(const std::byte* block) : b(block), planes(block + 64) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int i, int u) const {
    const __m256i v = shift_right(load(b + 384 + 640 * j + 64 * u + 32 * h), 4 * i);
    return add_fifth_bits(low_nibbles(v), b + 256 + 640 * j + 64 * i + 8 * u, h);
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const { return planes.scale(h, g); }
  HEARTH_INLINE __m256i pair(int h, int p) const { return planes.pair(h, p); }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
  HEARTH_INLINE __m256 dmin(int h) const { return load_f16(b + 32 + 16 * h); }
};

/// kOffset times the scales of groups 8 (p / 4) + p % 4 and four more; scales are bytes [16][16 rows].
template <int offset>
HEARTH_INLINE __m256i offset_pair(const void* scales, int h, int p) {
  const auto* first = static_cast<const std::int8_t*>(scales) + 16 * (8 * (p / 4) + p % 4) + 8 * h;
  return _mm256_mullo_epi16(join_pairs(widen_i8(first), widen_i8(first + 64)), _mm256_set1_epi16(offset));
}

struct Q6_K {
  static constexpr std::size_t kBlock = 256, kBytes = 3360;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 4;
  static constexpr int kScaleUnits = 4, kOffset = 32, kGroup = 2, kPairs = 8;
  static constexpr bool kSigned = false, kMin = false, kRaised = false, kNarrow = true;
  const std::byte* b;
  HEARTH_INLINE explicit Q6_K(const std::byte* block) : b(block) {}
  /// The four parts of 128 elements share bytes of the high bits.
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int i, int u) const {
    const __m256i low = load(b + 288 + 1536 * j + 1024 * (i & 1) + 64 * u + 32 * h);
    const __m256i high = load(b + 800 + 1536 * j + 64 * u + 32 * h);
    const __m256i placed = i < 2 ? _mm256_slli_epi32(high, 4 - 2 * i) : shift_right(high, 2 * i - 4);
    return _mm256_or_si256(low_nibbles(shift_right(low, 4 * (i / 2))),
                           _mm256_and_si256(placed, _mm256_set1_epi8(0x30)));
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const { return widen_i8(b + 32 + 16 * g + 8 * h); }
  HEARTH_INLINE __m256i pair(int h, int p) const { return offset_pair<kOffset>(b + 32, h, p); }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
};

struct Q2_K {
  static constexpr std::size_t kBlock = 256, kBytes = 1344;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 4;
  static constexpr int kScaleUnits = 4, kOffset = 0, kGroup = 4, kPairs = 8;
  static constexpr bool kSigned = false, kMin = true, kRaised = false, kNarrow = true;
  const std::byte* b;
  HEARTH_INLINE explicit Q2_K(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int i, int u) const {
    const __m256i v = load(b + 320 + 512 * j + 64 * u + 32 * h);
    return _mm256_and_si256(shift_right(v, 2 * i), _mm256_set1_epi8(3));
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const {
    return _mm256_and_si256(widen_u8(b + 64 + 16 * g + 8 * h), _mm256_set1_epi32(15));
  }
  HEARTH_INLINE __m256i pair(int h, int p) const {
    const std::byte* first = b + 64 + 16 * (8 * (p / 4) + p % 4) + 8 * h;
    return join_pairs(_mm256_srli_epi32(widen_u8(first), 4), _mm256_srli_epi32(widen_u8(first + 64), 4));
  }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
  HEARTH_INLINE __m256 dmin(int h) const { return load_f16(b + 32 + 16 * h); }
};

struct Q3_K {
  static constexpr std::size_t kBlock = 256, kBytes = 1760;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 4;
  static constexpr int kScaleUnits = 4, kOffset = 4, kGroup = 4, kPairs = 8;
  static constexpr bool kSigned = false, kMin = false, kRaised = false, kNarrow = true;
  const std::byte* b;
  alignas(32) std::int8_t scales[16 * 16];
  /// Six bits: bytes 0-7 hold the low nibbles (groups 0-7 low, 8-15 high), bytes 8-11 the two high bits.
  HEARTH_INLINE explicit Q3_K(const std::byte* block) : b(block) {
    const __m256i two_bits = _mm256_set1_epi8(0x30);
    HEARTH_UNROLL
    for (int i = 0; i < 2; ++i) {
      const __m256i first = load(b + 32 + 32 * i), second = load(b + 96 + 32 * i), high = load(b + 160 + 32 * i);
      store(32 * i, low_nibbles(first), _mm256_and_si256(_mm256_slli_epi16(high, 4), two_bits));
      store(64 + 32 * i, low_nibbles(second), _mm256_and_si256(_mm256_slli_epi16(high, 2), two_bits));
      store(128 + 32 * i, high_nibbles(first), _mm256_and_si256(high, two_bits));
      store(192 + 32 * i, high_nibbles(second), _mm256_and_si256(_mm256_srli_epi16(high, 2), two_bits));
    }
  }
  HEARTH_INLINE void store(int at, __m256i low, __m256i high) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(scales + at),
                       _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32)));
  }
  /// Codes 0..7: two bits, and a third that is the part's bit of the high-bit byte.
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int i, int u) const {
    const __m256i low = shift_right(load(b + 224 + 1024 * j + 64 * u + 32 * h), 2 * i);
    const __m256i high = shift_right(load(b + 736 + 64 * u + 32 * h), static_cast<int>(4 * j) + i);
    return _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(3)),
                           _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(1)), 2));
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const { return widen_i8(scales + 16 * g + 8 * h); }
  HEARTH_INLINE __m256i pair(int h, int p) const { return offset_pair<kOffset>(scales, h, p); }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
};

struct IQ4_XS {
  static constexpr std::size_t kBlock = 256, kBytes = 2176;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 1;
  static constexpr int kScaleUnits = 8, kOffset = 0, kGroup = 1, kPairs = 0;
  static constexpr bool kSigned = true, kMin = false, kRaised = false, kNarrow = true;
  const std::byte* b;
  HEARTH_INLINE explicit IQ4_XS(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int, int u) const {
    return look_up(values_iq4(), nibble_unit(b + 128 + 256 * j, h, u));
  }
  HEARTH_INLINE __m256i scale(int h, std::size_t g) const {
    const __m256i low = shift_right(widen_u8(b + 64 + 16 * (g / 2) + 8 * h), 4 * (g & 1));
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 32 + 16 * h));
    const __m256i high = shift_right(_mm256_cvtepu16_epi32(bits), static_cast<int>(2 * g));
    const __m256i six = _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi32(15)),
                                        _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(3)), 4));
    return _mm256_sub_epi32(six, _mm256_set1_epi32(32));
  }
  HEARTH_INLINE __m256i pair(int, int) const { return _mm256_setzero_si256(); }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
};

struct TQ2_0 {
  static constexpr std::size_t kBlock = 256, kBytes = 1056;
  static constexpr bool kStreams = true;
  static constexpr int kPartsTogether = 4;
  static constexpr int kScaleUnits = 8, kOffset = 1, kGroup = 8, kPairs = 4;
  static constexpr bool kSigned = false, kMin = false, kRaised = false, kNarrow = true;
  const std::byte* b;
  HEARTH_INLINE explicit TQ2_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int i, int u) const {
    const __m256i v = load(b + 32 + 512 * j + 64 * u + 32 * h);
    return _mm256_and_si256(shift_right(v, 2 * i), _mm256_set1_epi8(3));
  }
  HEARTH_INLINE __m256i scale(int, std::size_t) const { return _mm256_set1_epi32(1); }
  HEARTH_INLINE __m256i pair(int, int) const { return _mm256_set1_epi16(1); }
  HEARTH_INLINE __m256 d(int h) const { return load_f16(b + 16 * h); }
};
