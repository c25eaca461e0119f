// How NEON reads the block formats: one small struct per format, made at a panel block, whose members give registers
// of 4 rows x 4 consecutive elements, signed. Included in the region and namespace of each arm64 matmul file.
//
// A panel's 16 rows are two halves of 8; pair(...) gives the two registers of one half. A block of 32 elements has 8
// units of 4: pair(u, half). One of 256 has 8 parts of 8 units: pair(part, u, half), with a sub-scale for every kGroup
// units: scales[group][row]. (See layout.cpp for the bits.)

struct Pair {
  int8x16_t a, b;
};

HEARTH_INLINE uint8x16_t bytes(const std::byte* p) {
  return vld1q_u8(reinterpret_cast<const std::uint8_t*>(p));
}
HEARTH_INLINE int8x16_t as_signed(uint8x16_t v) {
  return vreinterpretq_s8_u8(v);
}
/// Four F16 of the rows 4 q ...
HEARTH_INLINE float32x4_t halves(const std::byte* p, int q) {
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(p) + 8 * q)));
}
/// Shifts bytes right by n bits, n known at run time.
HEARTH_INLINE uint8x16_t shift_right(uint8x16_t v, int n) {
  return vshlq_u8(v, vdupq_n_s8(static_cast<std::int8_t>(-n)));
}
HEARTH_INLINE uint8x16_t masked(uint8x16_t v, std::uint8_t mask) {
  return vandq_u8(v, vdupq_n_u8(mask));
}
/// Unit u of nibble pairs, register q of 4: words of eight elements, low nibbles first.
HEARTH_INLINE uint8x16_t nibbles(const std::byte* words, int u, int q) {
  const uint8x16_t v = bytes(words + 64 * (u & 3) + 16 * q);
  return u < 4 ? masked(v, 15) : vshrq_n_u8(v, 4);
}
/// 16 where bit i of two mask bytes is set, for byte i.
HEARTH_INLINE uint8x16_t fifth_bits(const std::byte* mask) {
  const auto* m = reinterpret_cast<const std::uint8_t*>(mask);
  const uint8x16_t both = vcombine_u8(vdup_n_u8(m[0]), vdup_n_u8(m[1]));
  const uint8x8_t bit = vcreate_u8(0x8040201008040201ull);
  return masked(vtstq_u8(both, vcombine_u8(bit, bit)), 16);
}
HEARTH_INLINE int8x16_t lowered(uint8x16_t v, int by) {
  return vsubq_s8(as_signed(v), vdupq_n_s8(static_cast<std::int8_t>(by)));
}

// ---- 32-blocks ----------------------------------------------------------------------------------------------------

struct Q4_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 288;
  static constexpr bool kMin = false;
  const std::byte* p;
  HEARTH_INLINE explicit Q4_0(const std::byte* block) : p(block) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    return {lowered(nibbles(p + 32, u, 2 * half), 8), lowered(nibbles(p + 32, u, 2 * half + 1), 8)};
  }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
};

struct Q4_1 {
  static constexpr std::size_t kBlock = 32, kBytes = 320;
  static constexpr bool kMin = true;
  const std::byte* p;
  HEARTH_INLINE explicit Q4_1(const std::byte* block) : p(block) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    return {as_signed(nibbles(p + 64, u, 2 * half)), as_signed(nibbles(p + 64, u, 2 * half + 1))};
  }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
  HEARTH_INLINE float32x4_t m(int q) const { return halves(p + 32, q); }
};

struct Q5_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 352;
  static constexpr bool kMin = false;
  const std::byte* p;
  HEARTH_INLINE explicit Q5_0(const std::byte* block) : p(block) {}
  HEARTH_INLINE int8x16_t four_rows(int u, int q) const {
    return lowered(vorrq_u8(nibbles(p + 96, u, q), fifth_bits(p + 32 + 8 * u + 2 * q)), 16);
  }
  HEARTH_INLINE Pair pair(int u, int half) const { return {four_rows(u, 2 * half), four_rows(u, 2 * half + 1)}; }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
};

struct Q5_1 {
  static constexpr std::size_t kBlock = 32, kBytes = 384;
  static constexpr bool kMin = true;
  const std::byte* p;
  HEARTH_INLINE explicit Q5_1(const std::byte* block) : p(block) {}
  HEARTH_INLINE int8x16_t four_rows(int u, int q) const {
    return as_signed(vorrq_u8(nibbles(p + 128, u, q), fifth_bits(p + 64 + 8 * u + 2 * q)));
  }
  HEARTH_INLINE Pair pair(int u, int half) const { return {four_rows(u, 2 * half), four_rows(u, 2 * half + 1)}; }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
  HEARTH_INLINE float32x4_t m(int q) const { return halves(p + 32, q); }
};

struct Q8_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 544;
  static constexpr bool kMin = false;
  const std::byte* p;
  HEARTH_INLINE explicit Q8_0(const std::byte* block) : p(block) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    const std::byte* unit = p + 32 + 64 * u + 32 * half;
    return {as_signed(bytes(unit)), as_signed(bytes(unit + 16))};
  }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
};

struct IQ4_NL {
  static constexpr std::size_t kBlock = 32, kBytes = 288;
  static constexpr bool kMin = false;
  const std::byte* p;
  int8x16_t values;
  HEARTH_INLINE explicit IQ4_NL(const std::byte* block) : p(block), values(vld1q_s8(quant::kValuesIQ4)) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    return {vqtbl1q_s8(values, nibbles(p + 32, u, 2 * half)), vqtbl1q_s8(values, nibbles(p + 32, u, 2 * half + 1))};
  }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
};

struct MXFP4 {
  static constexpr std::size_t kBlock = 32, kBytes = 272;
  static constexpr bool kMin = false;
  const std::byte* p;
  int8x16_t values;
  HEARTH_INLINE explicit MXFP4(const std::byte* block) : p(block), values(vld1q_s8(quant::kValuesE2M1)) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    return {vqtbl1q_s8(values, nibbles(p + 16, u, 2 * half)), vqtbl1q_s8(values, nibbles(p + 16, u, 2 * half + 1))};
  }
  /// Half of 2^(e - 127): a subnormal for e < 2.
  HEARTH_INLINE float32x4_t d(int q) const {
    const auto* exponents = reinterpret_cast<const std::uint8_t*>(p) + 4 * q;
    const std::uint32_t four[4] = {exponents[0], exponents[1], exponents[2], exponents[3]};
    const uint32x4_t e = vld1q_u32(four);
    const uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
    const uint32x4_t subnormal = vshlq_u32(vdupq_n_u32(0x00200000u), vreinterpretq_s32_u32(e));
    return vreinterpretq_f32_u32(vbslq_u32(vcltq_u32(e, vdupq_n_u32(2)), subnormal, normal));
  }
};

/// 32 elements of any format, unpacked: d f32[16] | m f32[16] | codes i8[8][16][4].
template <bool has_min>
struct Unpacked32 {
  static constexpr std::size_t kBlock = 32, kBytes = neon::kUnpacked32Bytes;
  static constexpr bool kMin = has_min;
  const std::byte* p;
  HEARTH_INLINE explicit Unpacked32(const std::byte* block) : p(block) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    const std::byte* unit = p + 128 + 64 * u + 32 * half;
    return {as_signed(bytes(unit)), as_signed(bytes(unit + 16))};
  }
  HEARTH_INLINE float32x4_t d(int q) const { return vld1q_f32(reinterpret_cast<const float*>(p) + 4 * q); }
  HEARTH_INLINE float32x4_t m(int q) const { return vld1q_f32(reinterpret_cast<const float*>(p) + 16 + 4 * q); }
};

/// 64 elements of NVFP4, unpacked: d f32[4 groups][16] | codes i8[16][16][4].
struct Unpacked64 {
  static constexpr std::size_t kBlock = 64, kBytes = neon::kUnpacked64Bytes;
  const std::byte* p;
  HEARTH_INLINE explicit Unpacked64(const std::byte* block) : p(block) {}
  HEARTH_INLINE Pair pair(int u, int half) const {
    const std::byte* unit = p + 256 + 64 * u + 32 * half;
    return {as_signed(bytes(unit)), as_signed(bytes(unit + 16))};
  }
  HEARTH_INLINE float32x4_t d(int group, int q) const {
    return vld1q_f32(reinterpret_cast<const float*>(p) + 16 * group + 4 * q);
  }
};

// ---- 256-blocks ---------------------------------------------------------------------------------------------------

/// Four sub-scales or minima of the rows 4 q ... as int32.
HEARTH_INLINE int32x4_t four_of(const std::int16_t* sixteen, int q) {
  return vmovl_s16(vld1_s16(sixteen + 4 * q));
}
HEARTH_INLINE void widen(uint8x16_t v, std::int16_t* to) {
  vst1q_s16(to, vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(v))));
  vst1q_s16(to + 8, vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(v))));
}

/// The 6-bit scales and minima of Q4_K and Q5_K from planes lo[2][4][16] and hi[4][16] (layout.cpp).
struct ScalePlanes {
  std::int16_t scales[8][16], mins[8][16];
  HEARTH_INLINE explicit ScalePlanes(const std::byte* planes) {
    for (int p = 0; p < 4; ++p) {
      const uint8x16_t scale = bytes(planes + 16 * p), min = bytes(planes + 64 + 16 * p),
                       hi = bytes(planes + 128 + 16 * p);
      widen(vorrq_u8(masked(scale, 15), masked(vshlq_n_u8(hi, 4), 0x30)), scales[p]);
      widen(vorrq_u8(vshrq_n_u8(scale, 4), masked(vshlq_n_u8(hi, 2), 0x30)), scales[p + 4]);
      widen(vorrq_u8(masked(min, 15), masked(hi, 0x30)), mins[p]);
      widen(vorrq_u8(vshrq_n_u8(min, 4), masked(vshrq_n_u8(hi, 2), 0x30)), mins[p + 4]);
    }
  }
  HEARTH_INLINE int32x4_t scale(int group, int q) const { return four_of(scales[group], q); }
  HEARTH_INLINE int32x4_t min(int group, int q) const { return four_of(mins[group], q); }
};

struct Q4_K {
  static constexpr std::size_t kBlock = 256, kBytes = 2304;
  static constexpr int kGroup = 8;
  static constexpr bool kMin = true;
  const std::byte* p;
  ScalePlanes planes;
  HEARTH_INLINE explicit Q4_K(const std::byte* block) : p(block), planes(block + 64) {}
  HEARTH_INLINE int8x16_t four_rows(int part, int u, int q) const {
    const uint8x16_t v = bytes(p + 256 + 64 * (8 * (part / 2) + u) + 16 * q);
    return as_signed(masked(shift_right(v, 4 * (part & 1)), 15));
  }
  HEARTH_INLINE Pair pair(int part, int u, int half) const {
    return {four_rows(part, u, 2 * half), four_rows(part, u, 2 * half + 1)};
  }
  HEARTH_INLINE int32x4_t scale(int group, int q) const { return planes.scale(group, q); }
  HEARTH_INLINE int32x4_t min(int group, int q) const { return planes.min(group, q); }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
  HEARTH_INLINE float32x4_t dmin(int q) const { return halves(p + 32, q); }
};

struct Q5_K {
  static constexpr std::size_t kBlock = 256, kBytes = 2816;
  static constexpr int kGroup = 8;
  static constexpr bool kMin = true;
  const std::byte* p;
  ScalePlanes planes;
  HEARTH_INLINE explicit Q5_K(const std::byte* block) : p(block), planes(block + 64) {}
  HEARTH_INLINE int8x16_t four_rows(int part, int u, int q) const {
    const uint8x16_t v = bytes(p + 384 + 640 * (part / 2) + 64 * u + 16 * q);
    const uint8x16_t fifth = fifth_bits(p + 256 + 640 * (part / 2) + 64 * (part & 1) + 8 * u + 2 * q);
    return as_signed(vorrq_u8(masked(shift_right(v, 4 * (part & 1)), 15), fifth));
  }
  HEARTH_INLINE Pair pair(int part, int u, int half) const {
    return {four_rows(part, u, 2 * half), four_rows(part, u, 2 * half + 1)};
  }
  HEARTH_INLINE int32x4_t scale(int group, int q) const { return planes.scale(group, q); }
  HEARTH_INLINE int32x4_t min(int group, int q) const { return planes.min(group, q); }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
  HEARTH_INLINE float32x4_t dmin(int q) const { return halves(p + 32, q); }
};

struct Q6_K {
  static constexpr std::size_t kBlock = 256, kBytes = 3360;
  static constexpr int kGroup = 4;
  static constexpr bool kMin = false;
  const std::byte* p;
  HEARTH_INLINE explicit Q6_K(const std::byte* block) : p(block) {}
  HEARTH_INLINE int8x16_t four_rows(int part, int u, int q) const {
    const int large = part / 4, quarter = part % 4;  // halves of 128 elements; their quarters share high-bit bytes
    const uint8x16_t low = bytes(p + 288 + 1536 * large + 1024 * (quarter & 1) + 64 * u + 16 * q);
    const uint8x16_t high = bytes(p + 800 + 1536 * large + 64 * u + 16 * q);
    const uint8x16_t two = masked(shift_right(high, 2 * quarter), 3);
    return lowered(vorrq_u8(masked(shift_right(low, 4 * (quarter / 2)), 15), vshlq_n_u8(two, 4)), 32);
  }
  HEARTH_INLINE Pair pair(int part, int u, int half) const {
    return {four_rows(part, u, 2 * half), four_rows(part, u, 2 * half + 1)};
  }
  HEARTH_INLINE int32x4_t scale(int group, int q) const {
    const auto* s = reinterpret_cast<const std::int8_t*>(p) + 32 + 16 * group + 4 * q;
    const std::int32_t four[4] = {s[0], s[1], s[2], s[3]};
    return vld1q_s32(four);
  }
  HEARTH_INLINE float32x4_t d(int q) const { return halves(p, q); }
};

/// 256 elements of any format, unpacked: d f32[16] | dmin f32[16] | scales i16[16 groups][16] | mins i16[16][16] |
/// codes i8[64][16][4]. Groups of 16 elements; a format of 32 repeats them and reads every second one.
template <int group, bool has_min>
struct Unpacked256 {
  static constexpr std::size_t kBlock = 256, kBytes = neon::kUnpacked256Bytes;
  static constexpr int kGroup = group;
  static constexpr bool kMin = has_min;
  const std::byte* p;
  HEARTH_INLINE explicit Unpacked256(const std::byte* block) : p(block) {}
  HEARTH_INLINE Pair pair(int part, int u, int half) const {
    const std::byte* unit = p + 1152 + 64 * (8 * part + u) + 32 * half;
    return {as_signed(bytes(unit)), as_signed(bytes(unit + 16))};
  }
  HEARTH_INLINE int32x4_t scale(int g, int q) const {
    return four_of(reinterpret_cast<const std::int16_t*>(p + 128) + 16 * (g * (group / 4)), q);
  }
  HEARTH_INLINE int32x4_t min(int g, int q) const {
    return four_of(reinterpret_cast<const std::int16_t*>(p + 640) + 16 * (g * (group / 4)), q);
  }
  HEARTH_INLINE float32x4_t d(int q) const { return vld1q_f32(reinterpret_cast<const float*>(p) + 4 * q); }
  HEARTH_INLINE float32x4_t dmin(int q) const { return vld1q_f32(reinterpret_cast<const float*>(p) + 16 + 4 * q); }
};
