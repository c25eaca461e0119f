// Sixteen lanes as four 128-bit registers: the vocabulary of portable/ (each word is defined in scalar/lanes.inl.h).

struct Lanes {
  float32x4_t a, b, c, d;
};
struct Mask {
  uint32x4_t a, b, c, d;
};

HEARTH_INLINE Lanes set(float x) {
  const float32x4_t v = vdupq_n_f32(x);
  return {v, v, v, v};
}
HEARTH_INLINE Lanes load(const float* p) {
  return {vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
}
HEARTH_INLINE void store(float* p, Lanes x) {
  vst1q_f32(p, x.a);
  vst1q_f32(p + 4, x.b);
  vst1q_f32(p + 8, x.c);
  vst1q_f32(p + 12, x.d);
}
HEARTH_INLINE Lanes load_part(const float* p, std::size_t n) {
  float whole[16] = {};
  for (std::size_t l = 0; l < n; ++l) whole[l] = p[l];
  return load(whole);
}
HEARTH_INLINE void store_part(float* p, Lanes x, std::size_t n) {
  float whole[16];
  store(whole, x);
  for (std::size_t l = 0; l < n; ++l) p[l] = whole[l];
}

HEARTH_INLINE Lanes operator+(Lanes x, Lanes y) {
  return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b), vaddq_f32(x.c, y.c), vaddq_f32(x.d, y.d)};
}
HEARTH_INLINE Lanes operator-(Lanes x, Lanes y) {
  return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b), vsubq_f32(x.c, y.c), vsubq_f32(x.d, y.d)};
}
HEARTH_INLINE Lanes operator*(Lanes x, Lanes y) {
  return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b), vmulq_f32(x.c, y.c), vmulq_f32(x.d, y.d)};
}
HEARTH_INLINE Lanes operator/(Lanes x, Lanes y) {
  return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b), vdivq_f32(x.c, y.c), vdivq_f32(x.d, y.d)};
}
HEARTH_INLINE Lanes fma(Lanes x, Lanes y, Lanes z) {
  return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c), vfmaq_f32(z.d, x.d, y.d)};
}

HEARTH_INLINE Lanes abs(Lanes x) {
  return {vabsq_f32(x.a), vabsq_f32(x.b), vabsq_f32(x.c), vabsq_f32(x.d)};
}
HEARTH_INLINE Lanes negate(Lanes x) {
  return {vnegq_f32(x.a), vnegq_f32(x.b), vnegq_f32(x.c), vnegq_f32(x.d)};
}

HEARTH_INLINE float32x4_t choose(uint32x4_t mask, float32x4_t yes, float32x4_t no) {
  return vbslq_f32(mask, yes, no);
}
HEARTH_INLINE Lanes select(Mask m, Lanes yes, Lanes no) {
  return {choose(m.a, yes.a, no.a), choose(m.b, yes.b, no.b), choose(m.c, yes.c, no.c), choose(m.d, yes.d, no.d)};
}
HEARTH_INLINE Lanes with_sign(Lanes magnitude, Lanes sign) {
  const uint32x4_t bit = vdupq_n_u32(0x80000000u);
  return select({bit, bit, bit, bit}, sign, magnitude);
}
HEARTH_INLINE float32x4_t add_exponent(float32x4_t x, float32x4_t t) {
  const int32x4_t sum = vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vreinterpretq_s32_f32(t), 23));
  return choose(vceqq_f32(x, x), vreinterpretq_f32_s32(sum), x);
}
HEARTH_INLINE Lanes times_power_of_two(Lanes x, Lanes, Lanes t) {
  return {add_exponent(x.a, t.a), add_exponent(x.b, t.b), add_exponent(x.c, t.c), add_exponent(x.d, t.d)};
}

HEARTH_INLINE Mask gt(Lanes x, Lanes y) {
  return {vcgtq_f32(x.a, y.a), vcgtq_f32(x.b, y.b), vcgtq_f32(x.c, y.c), vcgtq_f32(x.d, y.d)};
}
HEARTH_INLINE Mask equal(Lanes x, Lanes y) {
  return {vceqq_f32(x.a, y.a), vceqq_f32(x.b, y.b), vceqq_f32(x.c, y.c), vceqq_f32(x.d, y.d)};
}
HEARTH_INLINE Mask is_nan(Lanes x) {
  const Mask number = equal(x, x);
  return {vmvnq_u32(number.a), vmvnq_u32(number.b), vmvnq_u32(number.c), vmvnq_u32(number.d)};
}
HEARTH_INLINE uint32x4_t range_from(std::uint32_t first, std::uint32_t begin, std::uint32_t end) {
  const std::uint32_t numbers[4] = {first, first + 1, first + 2, first + 3};
  const uint32x4_t lane = vld1q_u32(numbers);
  return vandq_u32(vcgeq_u32(lane, vdupq_n_u32(begin)), vcltq_u32(lane, vdupq_n_u32(end)));
}
HEARTH_INLINE Mask lane_range(std::size_t begin, std::size_t end) {
  const auto from = static_cast<std::uint32_t>(begin), to = static_cast<std::uint32_t>(end);
  return {range_from(0, from, to), range_from(4, from, to), range_from(8, from, to), range_from(12, from, to)};
}
/// fmax would answer NaN for NaN: the comparison leaves m.
HEARTH_INLINE Lanes larger(Lanes x, Lanes m) {
  return select(gt(x, m), x, m);
}
HEARTH_INLINE bool any(Mask mask) {
  return vmaxvq_u32(vorrq_u32(vorrq_u32(mask.a, mask.b), vorrq_u32(mask.c, mask.d))) != 0;
}

HEARTH_INLINE float sum_lanes(Lanes x) {
  const float32x4_t by4 = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
  const float32x2_t by2 = vadd_f32(vget_low_f32(by4), vget_high_f32(by4));
  return vget_lane_f32(by2, 0) + vget_lane_f32(by2, 1);
}
HEARTH_INLINE float32x4_t larger_of(float32x4_t x, float32x4_t m) {
  return choose(vcgtq_f32(x, m), x, m);
}
HEARTH_INLINE float max_lanes(Lanes x) {
  const float32x4_t by4 = larger_of(larger_of(x.d, x.b), larger_of(x.c, x.a));
  const float32x4_t by2 = larger_of(vextq_f32(by4, by4, 2), by4);
  return vgetq_lane_f32(larger_of(vextq_f32(by2, by2, 1), by2), 0);
}
HEARTH_INLINE float first_lane(Lanes x) {
  return vgetq_lane_f32(x.a, 0);
}

// ---- attention and plain weights
HEARTH_INLINE float32x4_t halves_to_floats(const std::uint16_t* p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
/// 16 F16 numbers, exactly.
HEARTH_INLINE Lanes load_any(const std::uint16_t* p) {
  return {halves_to_floats(p), halves_to_floats(p + 4), halves_to_floats(p + 8), halves_to_floats(p + 12)};
}
HEARTH_INLINE float32x4_t words_to_floats(int16x4_t words) {
  return vcvtq_f32_s32(vmovl_s16(words));
}
/// 16 int8 numbers, exactly.
HEARTH_INLINE Lanes load_any(const std::int8_t* p) {
  const int8x16_t bytes = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  return {words_to_floats(vget_low_s16(low)), words_to_floats(vget_high_s16(low)), words_to_floats(vget_low_s16(high)),
          words_to_floats(vget_high_s16(high))};
}
HEARTH_INLINE Lanes load_any(const float* p) {
  return load(p);
}
HEARTH_INLINE float half_to_float(std::uint16_t half) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(half))), 0);
}
/// To F16, round to nearest even.
HEARTH_INLINE void store_half(std::uint16_t* p, Lanes x) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x.a)));
  vst1_u16(p + 4, vreinterpret_u16_f16(vcvt_f16_f32(x.b)));
  vst1_u16(p + 8, vreinterpret_u16_f16(vcvt_f16_f32(x.c)));
  vst1_u16(p + 12, vreinterpret_u16_f16(vcvt_f16_f32(x.d)));
}
/// The lowest byte of each lane's bits.
HEARTH_INLINE void store_low_bytes(std::int8_t* p, Lanes x) {
  const uint16x8_t low = vcombine_u16(vmovn_u32(vreinterpretq_u32_f32(x.a)), vmovn_u32(vreinterpretq_u32_f32(x.b)));
  const uint16x8_t high = vcombine_u16(vmovn_u32(vreinterpretq_u32_f32(x.c)), vmovn_u32(vreinterpretq_u32_f32(x.d)));
  vst1q_s8(p, vreinterpretq_s8_u8(vcombine_u8(vmovn_u16(low), vmovn_u16(high))));
}

/// Tiles of 16 positions beside R query rows in 32 registers: 4 R * tiles accumulators, 4 keys, broadcasts.
template <int R>
inline constexpr int kTilesBeside = R == 1   ? 4
                                    : R == 2 ? 2
                                             : 1;
/// Vectors of 16 dimensions beside R rows of probabilities.
template <int R>
inline constexpr int kColumnsBeside = R == 1   ? 4
                                      : R == 2 ? 2
                                               : 1;
