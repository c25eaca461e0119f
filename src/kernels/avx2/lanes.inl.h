// Sixteen lanes as two 256-bit registers: the vocabulary of portable/ (each word is defined in scalar/lanes.inl.h).

struct Lanes {
  __m256 a, b;
};
struct Mask {
  __m256 a, b;
};

/// All ones in the 8 lanes from `first` on whose number is below n.
HEARTH_INLINE __m256i below(std::size_t n, int first) {
  const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n) - first), number);
}

HEARTH_INLINE Lanes set(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
HEARTH_INLINE Lanes load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
HEARTH_INLINE Lanes load_part(const float* p, std::size_t n) {
  return {_mm256_maskload_ps(p, below(n, 0)), _mm256_maskload_ps(p + 8, below(n, 8))};
}
HEARTH_INLINE void store(float* p, Lanes x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
HEARTH_INLINE void store_part(float* p, Lanes x, std::size_t n) {
  _mm256_maskstore_ps(p, below(n, 0), x.a);
  _mm256_maskstore_ps(p + 8, below(n, 8), x.b);
}

HEARTH_INLINE Lanes operator+(Lanes x, Lanes y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
HEARTH_INLINE Lanes operator-(Lanes x, Lanes y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
HEARTH_INLINE Lanes operator*(Lanes x, Lanes y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
HEARTH_INLINE Lanes operator/(Lanes x, Lanes y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
HEARTH_INLINE Lanes fma(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}

HEARTH_INLINE Lanes abs(Lanes x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
HEARTH_INLINE Lanes negate(Lanes x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(sign, x.a), _mm256_xor_ps(sign, x.b)};
}
HEARTH_INLINE Lanes with_sign(Lanes magnitude, Lanes from) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(magnitude.a, _mm256_and_ps(sign, from.a)),
          _mm256_or_ps(magnitude.b, _mm256_and_ps(sign, from.b))};
}
HEARTH_INLINE __m256 add_exponent(__m256 x, __m256 t) {
  const __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
  const __m256 sum = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), shifted));
  return _mm256_blendv_ps(sum, x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
HEARTH_INLINE Lanes times_power_of_two(Lanes x, Lanes, Lanes t) {
  return {add_exponent(x.a, t.a), add_exponent(x.b, t.b)};
}

HEARTH_INLINE Mask gt(Lanes x, Lanes y) {
  return {_mm256_cmp_ps(x.a, y.a, _CMP_GT_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_GT_OQ)};
}
HEARTH_INLINE Mask is_nan(Lanes x) {
  return {_mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q), _mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q)};
}
HEARTH_INLINE Mask lane_range(std::size_t begin, std::size_t end) {
  return {_mm256_castsi256_ps(_mm256_andnot_si256(below(begin, 0), below(end, 0))),
          _mm256_castsi256_ps(_mm256_andnot_si256(below(begin, 8), below(end, 8)))};
}
HEARTH_INLINE Lanes select(Mask mask, Lanes yes, Lanes no) {
  return {_mm256_blendv_ps(no.a, yes.a, mask.a), _mm256_blendv_ps(no.b, yes.b, mask.b)};
}
HEARTH_INLINE Lanes larger(Lanes x, Lanes m) {  // maxps gives the second where unordered
  return {_mm256_max_ps(x.a, m.a), _mm256_max_ps(x.b, m.b)};
}
HEARTH_INLINE Mask equal(Lanes x, Lanes y) {
  return {_mm256_cmp_ps(x.a, y.a, _CMP_EQ_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_EQ_OQ)};
}
HEARTH_INLINE bool any(Mask mask) {
  return _mm256_movemask_ps(_mm256_or_ps(mask.a, mask.b)) != 0;
}

HEARTH_INLINE float sum_lanes(Lanes x) {
  const __m256 by8 = _mm256_add_ps(x.a, x.b);
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}
HEARTH_INLINE float max_lanes(Lanes x) {
  const __m256 by8 = _mm256_max_ps(x.b, x.a);
  const __m128 by4 = _mm_max_ps(_mm256_extractf128_ps(by8, 1), _mm256_castps256_ps128(by8));
  const __m128 by2 = _mm_max_ps(_mm_movehl_ps(by4, by4), by4);
  return _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(by2), by2));
}
HEARTH_INLINE float first_lane(Lanes x) {
  return _mm256_cvtss_f32(x.a);
}

// ---- attention
/// 16 F16 numbers, exactly.
HEARTH_INLINE Lanes load_any(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
/// 16 int8 numbers, exactly.
HEARTH_INLINE Lanes load_any(const std::int8_t* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8))))};
}
HEARTH_INLINE Lanes load_any(const float* p) {
  return load(p);
}
HEARTH_INLINE float half_to_float(std::uint16_t half) {
  return _cvtsh_ss(half);
}
/// To F16, round to nearest even.
HEARTH_INLINE void store_half(std::uint16_t* p, Lanes x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
/// The lowest byte of each lane's bits.
HEARTH_INLINE void store_low_bytes(std::int8_t* p, Lanes x) {
  const __m256i low = _mm256_set1_epi32(0xff);
  const __m256i a = _mm256_and_si256(_mm256_castps_si256(x.a), low);
  const __m256i b = _mm256_and_si256(_mm256_castps_si256(x.b), low);
  // packs work inside 128-bit halves: a0-3 b0-3 | a4-7 b4-7
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xd8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

/// Tiles of 16 positions beside R query rows in registers: 2 R * tiles accumulators, 2 keys, one broadcast.
template <int R>
inline constexpr int kTilesBeside = R == 1   ? 4
                                    : R == 2 ? 2
                                             : 1;
/// Vectors of 16 dimensions beside R rows of probabilities.
template <int R>
inline constexpr int kColumnsBeside = R == 1   ? 4
                                      : R == 2 ? 2
                                               : 1;
