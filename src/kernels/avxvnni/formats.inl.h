// What AVX-VNNI takes otherwise than AVX2, whose formats are in namespace `plain`: codes of eight bits are raised by
// 128, and the groups that are summed before a sub-scale are as long as the sums allow. kNarrow: these fit int16, and
// one multiply-add of words applies the sub-scale instead of a slow 32-bit product and an addition.

using plain::MXFP4;
using plain::NVFP4;
using plain::Q2_K;
using plain::Q4_0;
using plain::Q4_1;
using plain::Q5_0;
using plain::Q5_1;
using plain::TQ2_0;

struct Q8_0 : plain::Q8_0 {
  static constexpr int kOffset = 128;
  static constexpr bool kRaised = true, kSigned = false;
  HEARTH_INLINE explicit Q8_0(const std::byte* block) : plain::Q8_0(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const {
    return _mm256_xor_si256(plain::Q8_0::unit(h, u), _mm256_set1_epi8(static_cast<char>(0x80)));
  }
};

HEARTH_INLINE __m128i raised_values_iq4() {
  return _mm_xor_si128(plain::values_iq4(), _mm_set1_epi8(static_cast<char>(0x80)));
}

struct IQ4_NL : plain::IQ4_NL {
  static constexpr int kOffset = 128;
  static constexpr bool kRaised = true, kSigned = false;
  HEARTH_INLINE explicit IQ4_NL(const std::byte* block) : plain::IQ4_NL(block) {}
  HEARTH_INLINE __m256i unit(int h, int u) const { return look_up(raised_values_iq4(), nibble_unit(b + 32, h, u)); }
};

struct Q3_K : plain::Q3_K {
  static constexpr int kPairs = 0;
  static constexpr bool kRaised = true;
  HEARTH_INLINE explicit Q3_K(const std::byte* block) : plain::Q3_K(block) {}
};

struct Q4_K : plain::Q4_K {
  static constexpr int kGroup = 4;
  HEARTH_INLINE explicit Q4_K(const std::byte* block) : plain::Q4_K(block) {}
};

struct Q5_K : plain::Q5_K {
  static constexpr int kGroup = 8;
  static constexpr bool kNarrow = false;
  HEARTH_INLINE explicit Q5_K(const std::byte* block) : plain::Q5_K(block) {}
};

struct Q6_K : plain::Q6_K {
  static constexpr int kPairs = 0;
  static constexpr bool kRaised = true;
  HEARTH_INLINE explicit Q6_K(const std::byte* block) : plain::Q6_K(block) {}
};

struct IQ4_XS : plain::IQ4_XS {
  static constexpr int kOffset = 128, kGroup = 8;
  static constexpr bool kRaised = true, kSigned = false, kNarrow = false;
  HEARTH_INLINE explicit IQ4_XS(const std::byte* block) : plain::IQ4_XS(block) {}
  HEARTH_INLINE __m256i unit(int h, std::size_t j, int, int u) const {
    return look_up(raised_values_iq4(), nibble_unit(b + 128 + 256 * j, h, u));
  }
};
