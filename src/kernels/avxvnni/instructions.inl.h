// The two instructions of AVX-VNNI: int32 lanes plus products of four bytes (unsigned with signed) or of two words.
// Tests of processors without them put their own in this file's place.
namespace hearth::kernels::avxvnni {

namespace {

HEARTH_INLINE __m256i add_byte_products(__m256i sum, __m256i raised, __m256i codes) {
  return _mm256_dpbusd_avx_epi32(sum, raised, codes);
}
// Clang takes vpdpwssd apart into two instructions.
#if defined(__clang__)
HEARTH_INLINE __m256i add_word_products(__m256i sum, __m256i a, __m256i b) {
  asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
  return sum;
}
#else
HEARTH_INLINE __m256i add_word_products(__m256i sum, __m256i a, __m256i b) {
  return _mm256_dpwssd_avx_epi32(sum, a, b);
}
#endif

}  // namespace

}  // namespace hearth::kernels::avxvnni
