// Sixteen lanes as one 512-bit register: the vocabulary of portable/ (each word is defined in scalar/lanes.inl.h).

struct Lanes {
  __m512 v;
};
struct Mask {
  __mmask16 bits;
};

HEARTH_INLINE __mmask16 low_mask(std::size_t n) {
  return static_cast<__mmask16>((1u << n) - 1u);
}

HEARTH_INLINE Lanes set(float x) {
  return {_mm512_set1_ps(x)};
}
HEARTH_INLINE Lanes load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
HEARTH_INLINE Lanes load_part(const float* p, std::size_t n) {
  return {_mm512_maskz_loadu_ps(low_mask(n), p)};
}
HEARTH_INLINE void store(float* p, Lanes x) {
  _mm512_storeu_ps(p, x.v);
}
HEARTH_INLINE void store_part(float* p, Lanes x, std::size_t n) {
  _mm512_mask_storeu_ps(p, low_mask(n), x.v);
}

HEARTH_INLINE Lanes operator+(Lanes a, Lanes b) {
  return {_mm512_add_ps(a.v, b.v)};
}
HEARTH_INLINE Lanes operator-(Lanes a, Lanes b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
HEARTH_INLINE Lanes operator*(Lanes a, Lanes b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
HEARTH_INLINE Lanes operator/(Lanes a, Lanes b) {
  return {_mm512_div_ps(a.v, b.v)};
}
HEARTH_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}

HEARTH_INLINE __m512 sign_bits() {
  return _mm512_castsi512_ps(_mm512_set1_epi32(INT32_MIN));
}
HEARTH_INLINE Lanes abs(Lanes x) {
  return {_mm512_andnot_ps(sign_bits(), x.v)};
}
HEARTH_INLINE Lanes negate(Lanes x) {
  return {_mm512_xor_ps(sign_bits(), x.v)};
}
HEARTH_INLINE Lanes with_sign(Lanes magnitude, Lanes sign) {
  return {_mm512_or_ps(magnitude.v, _mm512_and_ps(sign_bits(), sign.v))};
}
HEARTH_INLINE Lanes times_power_of_two(Lanes x, Lanes n, Lanes) {
  return {_mm512_scalef_ps(x.v, n.v)};
}

HEARTH_INLINE Mask gt(Lanes a, Lanes b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)};
}
HEARTH_INLINE Mask is_nan(Lanes x) {
  return {_mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q)};
}
HEARTH_INLINE Mask lane_range(std::size_t begin, std::size_t end) {
  return {static_cast<__mmask16>(low_mask(end) & ~low_mask(begin))};
}
HEARTH_INLINE Lanes select(Mask mask, Lanes yes, Lanes no) {
  return {_mm512_mask_blend_ps(mask.bits, no.v, yes.v)};
}
HEARTH_INLINE Lanes larger(Lanes x, Lanes m) {
  return {_mm512_max_ps(x.v, m.v)};
}  // the second where unordered
HEARTH_INLINE Mask equal(Lanes a, Lanes b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)};
}
HEARTH_INLINE bool any(Mask mask) {
  return mask.bits != 0;
}

HEARTH_INLINE __m256 low_half(Lanes x) {
  return _mm512_castps512_ps256(x.v);
}
HEARTH_INLINE __m256 high_half(Lanes x) {
  return _mm512_extractf32x8_ps(x.v, 1);
}
HEARTH_INLINE float sum_lanes(Lanes x) {
  const __m256 by8 = _mm256_add_ps(low_half(x), high_half(x));
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}
HEARTH_INLINE float max_lanes(Lanes x) {
  const __m256 by8 = _mm256_max_ps(high_half(x), low_half(x));
  const __m128 by4 = _mm_max_ps(_mm256_extractf128_ps(by8, 1), _mm256_castps256_ps128(by8));
  const __m128 by2 = _mm_max_ps(_mm_movehl_ps(by4, by4), by4);
  return _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(by2), by2));
}
HEARTH_INLINE float first_lane(Lanes x) {
  return _mm512_cvtss_f32(x.v);
}

// ---- attention
/// 16 F16 numbers, exactly.
HEARTH_INLINE Lanes load_any(const std::uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
/// 16 int8 numbers, exactly.
HEARTH_INLINE Lanes load_any(const std::int8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
HEARTH_INLINE Lanes load_any(const float* p) {
  return load(p);
}
HEARTH_INLINE float half_to_float(std::uint16_t half) {
  return _cvtsh_ss(half);
}
/// To F16, round to nearest even.
HEARTH_INLINE void store_half(std::uint16_t* p, Lanes x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
/// The lowest byte of each lane's bits.
HEARTH_INLINE void store_low_bytes(std::int8_t* p, Lanes x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_castps_si512(x.v)));
}

/// Tiles of 16 positions beside R query rows in registers: R * tiles accumulators, tiles keys, one broadcast.
template <int R>
inline constexpr int kTilesBeside = R <= 2   ? 8
                                    : R == 3 ? 5
                                             : 4;
/// Vectors of 16 dimensions beside R rows of probabilities.
template <int R>
inline constexpr int kColumnsBeside = R <= 2 ? 8 : 4;
