// Bytes and bits in AVX2 registers: loading, widening, taking apart.

HEARTH_INLINE __m256i load(const std::byte* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
HEARTH_INLINE __m256 load_f16(const std::byte* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
/// 8 unsigned (signed) bytes to int32 lanes.
HEARTH_INLINE __m256i widen_u8(const void* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
}
HEARTH_INLINE __m256i widen_i8(const void* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
}
HEARTH_INLINE __m256i low_nibbles(__m256i v) {
  return _mm256_and_si256(v, _mm256_set1_epi8(15));
}
HEARTH_INLINE __m256i high_nibbles(__m256i v) {
  return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}
/// Shifts 32-bit lanes right by n; bits that cross bytes are for the caller to mask.
HEARTH_INLINE __m256i shift_right(__m256i v, int n) {
  return _mm256_srli_epi32(v, n);
}
HEARTH_INLINE __m256i nibble_unit(const std::byte* words, int h, int u) {
  const __m256i v = load(words + 64 * (u & 3) + 32 * h);
  return u < 4 ? low_nibbles(v) : high_nibbles(v);
}
HEARTH_INLINE __m256i look_up(__m128i table, __m256i nibbles) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), nibbles);
}
/// int32 lanes in -2^15..2^15-1 as int16 pairs (low, high) of their low halves.
HEARTH_INLINE __m256i join_pairs(__m256i low, __m256i high) {
  return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa);
}
/// Adds 16 to the codes whose bit in the panel's 64-bit mask is set: bit 4 row + i is code i of a row.
HEARTH_INLINE __m256i add_fifth_bits(__m256i nibbles, const std::byte* mask, int h) {
  std::int32_t bits;
  __builtin_memcpy(&bits, mask + 4 * h, 4);
  const __m256i byte_of = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                           2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
  const __m256i spread = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(bits), byte_of), bit_of);
  return _mm256_or_si256(nibbles, _mm256_and_si256(_mm256_cmpeq_epi8(spread, bit_of), _mm256_set1_epi8(16)));
}
/// Four bytes in all lanes.
HEARTH_INLINE __m256i splat(const void* four_bytes) {
  std::int32_t bits;
  __builtin_memcpy(&bits, four_bytes, 4);
  return _mm256_set1_epi32(bits);
}
HEARTH_INLINE __m256 splat_float(const void* p) {
  return _mm256_castsi256_ps(splat(p));
}
