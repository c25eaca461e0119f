// How AVX-512 reads the block formats: one small struct per format, made at a panel block, whose members give registers
// of 16 rows.
//
// unit(u), u < 8: four consecutive codes of each row as unsigned bytes, raised by kOffset, ready to be the unsigned
// operand of vpdpbusd. A block of 32 elements has 8 units, one of 64 has 16, with scales d(g), kScales per 32 elements;
// one of 256 has 8 parts of 8: unit(part, u). Only u is a constant after unrolling, so part chooses bits by rotating
// lanes: bits that cross bytes are masked away. 256-blocks: scale(g) the sub-scale of group g (kGroup units each) as
// int32 lanes; pair(p) the minima of two groups as int16 pairs: groups 8 (p / 4) + p % 4 and four more (see
// ActColumn256).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/target.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

HEARTH_INLINE __m512i load(const std::byte* p) {
  return _mm512_loadu_si512(p);
}
HEARTH_INLINE __m512 load_f16(const std::byte* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
HEARTH_INLINE std::uint64_t load_mask(const std::byte* p) {
  std::uint64_t mask;
  __builtin_memcpy(&mask, p, 8);
  return mask;
}
HEARTH_INLINE __m512i low_nibbles(__m512i v) {
  return _mm512_and_si512(v, _mm512_set1_epi8(15));
}
HEARTH_INLINE __m512i high_nibbles(__m512i v) {
  return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
}
/// Unit u of nibble pairs: words of eight elements, low nibbles first.
HEARTH_INLINE __m512i nibble_unit(const std::byte* words, int u) {
  const __m512i v = load(words + 64 * (u & 3));
  return u < 4 ? low_nibbles(v) : high_nibbles(v);
}
/// Rotates 32-bit lanes right by n bits, left if negative: byte fields of all rows move alike.
HEARTH_INLINE __m512i rotate_right(__m512i v, int n) {
  return _mm512_rorv_epi32(v, _mm512_set1_epi32(n & 31));
}
HEARTH_INLINE __m512i look_up(__m128i table, __m512i nibbles) {
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), nibbles);
}
/// (mask & a) | (~mask & b)
HEARTH_INLINE __m512i select_bits(__m512i mask, __m512i a, __m512i b) {
  return _mm512_ternarylogic_epi32(mask, a, b, 0xca);
}

HEARTH_INLINE __m512i low_words(__m512i lanes) {
  return _mm512_and_si512(lanes, _mm512_set1_epi32(0xffff));
}

// ---- 32-blocks ----------------------------------------------------------------------------------------------------

struct Q4_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 288;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 8;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit Q4_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return nibble_unit(b + 32, u); }
  HEARTH_INLINE __m512 d(int) const { return load_f16(b); }
};

struct Q4_1 {
  static constexpr std::size_t kBlock = 32, kBytes = 320;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 0;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = false;
  static constexpr bool kMin = true;
  const std::byte* b;
  HEARTH_INLINE explicit Q4_1(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return nibble_unit(b + 64, u); }
  HEARTH_INLINE __m512 d(int) const { return load_f16(b); }
  HEARTH_INLINE __m512 m() const { return load_f16(b + 32); }
};

HEARTH_INLINE __m512i add_fifth_bits(__m512i nibbles, const std::byte* mask) {
  return _mm512_mask_add_epi8(nibbles, load_mask(mask), nibbles, _mm512_set1_epi8(16));
}

struct Q5_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 352;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 16;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit Q5_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return add_fifth_bits(nibble_unit(b + 96, u), b + 32 + 8 * u); }
  HEARTH_INLINE __m512 d(int) const { return load_f16(b); }
};

struct Q5_1 {
  static constexpr std::size_t kBlock = 32, kBytes = 384;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 0;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = false;
  static constexpr bool kMin = true;
  const std::byte* b;
  HEARTH_INLINE explicit Q5_1(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return add_fifth_bits(nibble_unit(b + 128, u), b + 64 + 8 * u); }
  HEARTH_INLINE __m512 d(int) const { return load_f16(b); }
  HEARTH_INLINE __m512 m() const { return load_f16(b + 32); }
};

struct Q8_0 {
  static constexpr std::size_t kBlock = 32, kBytes = 544;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 128;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit Q8_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const {
    return _mm512_xor_si512(load(b + 32 + 64 * u), _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  HEARTH_INLINE __m512 d(int) const { return load_f16(b); }
};

/// The sixteen values of IQ4_NL and IQ4_XS, raised by 128.
HEARTH_INLINE __m128i raised_values_iq4() {
  return _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, static_cast<char>(129), static_cast<char>(141),
                       static_cast<char>(153), static_cast<char>(166), static_cast<char>(181), static_cast<char>(197),
                       static_cast<char>(217), static_cast<char>(241));
}

struct IQ4_NL {
  static constexpr std::size_t kBlock = 32, kBytes = 288;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 128;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit IQ4_NL(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return look_up(raised_values_iq4(), nibble_unit(b + 32, u)); }
  HEARTH_INLINE __m512 d(int) const { return load_f16(b); }
};

/// The doubled values of E2M1, raised by 12.
HEARTH_INLINE __m128i raised_values_e2m1() {
  return _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
}

struct MXFP4 {
  static constexpr std::size_t kBlock = 32, kBytes = 272;
  static constexpr int kScales = 1;
  static constexpr int kOffset = 12;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit MXFP4(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return look_up(raised_values_e2m1(), nibble_unit(b + 16, u)); }
  /// Half of 2^(e - 127): a subnormal for e < 2.
  HEARTH_INLINE __m512 d(int) const {
    const __m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
    return _mm512_castsi512_ps(
        _mm512_mask_mov_epi32(normal, _mm512_cmplt_epu32_mask(e, _mm512_set1_epi32(2)), subnormal));
  }
};

struct NVFP4 {
  static constexpr std::size_t kBlock = 64, kBytes = 576;
  static constexpr int kScales = 2;
  static constexpr int kOffset = 12;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  const std::byte* b;
  HEARTH_INLINE explicit NVFP4(const std::byte* block) : b(block) {}
  /// Of 16 elements, two words: low nibbles the first eight, high nibbles the others.
  HEARTH_INLINE __m512i unit(int u) const {
    const __m512i v = load(b + 64 + 64 * (u / 4 * 2 + (u & 1)));
    return look_up(raised_values_e2m1(), u & 2 ? high_nibbles(v) : low_nibbles(v));
  }
  /// Half of an UE4M3 number: m / 2^10, or (8 + m) << (e - 1) / 2^10; the byte 0x7f is zero, the top bit else ignored.
  HEARTH_INLINE __m512 d(int g) const {
    const __m512i bits = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 16 * g)));
    const __m512i e = _mm512_and_si512(_mm512_srli_epi32(bits, 3), _mm512_set1_epi32(15));
    const __m512i m = _mm512_and_si512(bits, _mm512_set1_epi32(7));
    const __m512i normal =
        _mm512_sllv_epi32(_mm512_or_si512(m, _mm512_set1_epi32(8)), _mm512_sub_epi32(e, _mm512_set1_epi32(1)));
    const __m512i value = _mm512_mask_mov_epi32(normal, _mm512_testn_epi32_mask(e, e), m);
    const __mmask16 valid = _mm512_cmpneq_epi32_mask(bits, _mm512_set1_epi32(0x7f));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_maskz_mov_epi32(valid, value)), _mm512_set1_ps(0x1p-10f));
  }
};

// ---- 256-blocks ---------------------------------------------------------------------------------------------------

/// Bytes [4][16 rows] of `a` (first group) and `b` (second) to int16 pairs (a[p][row], b[p][row]).
HEARTH_INLINE __m512i byte_pairs(__m512i a, __m512i b, int p) {
  // Word lane 2 row takes byte 16 p + row of a, lane 2 row + 1 that of b; odd bytes are cleared.
  const __m512i rows = _mm512_cvtepu8_epi32(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  const __m512i twice = _mm512_or_si512(_mm512_or_si512(rows, _mm512_slli_epi32(rows, 16)),
                                        _mm512_set1_epi32((64 << 16) | (16 * p) << 16 | 16 * p));
  return _mm512_maskz_permutex2var_epi8(0x5555555555555555ull, a, twice, b);
}

/// The 6-bit scales and minima of Q4_K and Q5_K: planes lo[2][4][16] and hi[4][16] (layout.cpp).
struct ScalePlanes {
  alignas(64) std::uint8_t scales[8 * 16];
  __m512i mins_a, mins_b;  // bytes [4][16]: minima 0-3 and 4-7
  HEARTH_INLINE explicit ScalePlanes(const std::byte* planes) {
    const __m512i lo_scales = load(planes), lo_mins = load(planes + 64), hi = load(planes + 128);
    const __m512i two_bits = _mm512_set1_epi8(0x30);
    const __m512i low = _mm512_set1_epi8(15);
    const __m512i six_bits = _mm512_set1_epi8(0x3f);
    const __m512i scales_a = _mm512_and_si512(select_bits(low, lo_scales, _mm512_slli_epi16(hi, 4)), six_bits);
    const __m512i scales_b =
        _mm512_or_si512(high_nibbles(lo_scales), _mm512_and_si512(_mm512_slli_epi16(hi, 2), two_bits));
    mins_a = _mm512_and_si512(select_bits(low, lo_mins, hi), six_bits);
    mins_b = _mm512_or_si512(high_nibbles(lo_mins), _mm512_and_si512(_mm512_srli_epi16(hi, 2), two_bits));
    _mm512_store_si512(scales, scales_a);
    _mm512_store_si512(scales + 64, scales_b);
  }
  HEARTH_INLINE __m512i scale(int g) const {
    return _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(scales + 16 * g)));
  }
  HEARTH_INLINE __m512i pair(int p) const { return byte_pairs(mins_a, mins_b, p); }
};

struct Q4_K {
  static constexpr std::size_t kBlock = 256, kBytes = 2304;
  static constexpr int kGroup = 8, kScaleUnits = 8, kOffset = 0;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = false;
  static constexpr bool kMin = true;
  static constexpr int kPairs = 4;
  const std::byte* b;
  ScalePlanes planes;
  HEARTH_INLINE explicit Q4_K(const std::byte* block) : b(block), planes(block + 64) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    return low_nibbles(rotate_right(load(b + 256 + 64 * (8 * (part / 2) + u)), 4 * (part & 1)));
  }
  HEARTH_INLINE __m512i scale(int g) const { return planes.scale(g); }
  HEARTH_INLINE __m512i pair(int p) const { return planes.pair(p); }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
  HEARTH_INLINE __m512 dmin() const { return load_f16(b + 32); }
};

struct Q5_K {
  static constexpr std::size_t kBlock = 256, kBytes = 2816;
  static constexpr int kGroup = 8, kScaleUnits = 8, kOffset = 0;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = false;
  static constexpr bool kMin = true;
  static constexpr int kPairs = 4;
  const std::byte* b;
  ScalePlanes planes;
  HEARTH_INLINE explicit Q5_K(const std::byte* block) : b(block), planes(block + 64) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    const __m512i v = rotate_right(load(b + 384 + 640 * (part / 2) + 64 * u), 4 * (part & 1));
    return add_fifth_bits(low_nibbles(v), b + 256 + 640 * (part / 2) + 64 * (part & 1) + 8 * u);
  }
  HEARTH_INLINE __m512i scale(int g) const { return planes.scale(g); }
  HEARTH_INLINE __m512i pair(int p) const { return planes.pair(p); }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
  HEARTH_INLINE __m512 dmin() const { return load_f16(b + 32); }
};

struct Q6_K {
  static constexpr std::size_t kBlock = 256, kBytes = 3360;
  static constexpr int kGroup = 4, kScaleUnits = 4, kOffset = 32;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  static constexpr int kPairs = 0;
  const std::byte* b;
  HEARTH_INLINE explicit Q6_K(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    const int half = part / 4, quarter = part % 4;  // of 128 elements: quarters share bytes of the high bits
    const __m512i low = load(b + 288 + 1536 * half + 1024 * (quarter & 1) + 64 * u);
    const __m512i high = load(b + 800 + 1536 * half + 64 * u);
    const __m512i joined =
        select_bits(_mm512_set1_epi8(15), rotate_right(low, 4 * (quarter / 2)), rotate_right(high, 2 * quarter - 4));
    return _mm512_and_si512(joined, _mm512_set1_epi8(0x3f));
  }
  HEARTH_INLINE __m512i scale(int g) const {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 32 + 16 * g)));
  }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
};

/// Codes of two bits times scales of four fit a byte: the sub-scale is folded into the code, kGroup spans the block.
struct Q2_K {
  static constexpr std::size_t kBlock = 256, kBytes = 1344;
  static constexpr int kGroup = 64, kScaleUnits = 64, kOffset = 0;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = false;
  static constexpr bool kMin = true;
  static constexpr int kPairs = 8;
  const std::byte* b;
  HEARTH_INLINE explicit Q2_K(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    const __m512i v = rotate_right(load(b + 320 + 64 * (8 * (part / 4) + u)), 2 * (part % 4));
    // Both bytes of a 16-bit lane times the scale: the lower product stays below 256.
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 64 + 16 * (2 * part + u / 4)));
    const __m512i s = _mm512_and_si512(_mm512_cvtepu8_epi32(packed), _mm512_set1_epi32(15));
    return _mm512_mullo_epi16(_mm512_and_si512(v, _mm512_set1_epi8(3)), _mm512_or_si512(s, _mm512_slli_epi32(s, 16)));
  }
  HEARTH_INLINE __m512i pair(int p) const {
    const std::byte* groups = b + 64 + 128 * (p / 4);
    return byte_pairs(high_nibbles(load(groups)), high_nibbles(load(groups + 64)), p % 4);
  }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
  HEARTH_INLINE __m512 dmin() const { return load_f16(b + 32); }
};

struct Q3_K {
  static constexpr std::size_t kBlock = 256, kBytes = 1760;
  static constexpr int kGroup = 4, kScaleUnits = 4, kOffset = 4;
  static constexpr bool kNarrow = true;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  static constexpr int kPairs = 0;
  const std::byte* b;
  alignas(64) std::int8_t scales[16 * 16];
  HEARTH_INLINE explicit Q3_K(const std::byte* block) : b(block) {
    // Six bits: bytes 0-7 hold the low nibbles (groups 0-7 low, 8-15 high), bytes 8-11 the two high bits.
    const __m512i first = load(b + 32), second = load(b + 96), high = load(b + 160);
    const __m512i two_bits = _mm512_set1_epi8(0x30);
    const __m512i groups[4] = {
        _mm512_or_si512(low_nibbles(first), _mm512_and_si512(_mm512_slli_epi16(high, 4), two_bits)),
        _mm512_or_si512(low_nibbles(second), _mm512_and_si512(_mm512_slli_epi16(high, 2), two_bits)),
        _mm512_or_si512(high_nibbles(first), _mm512_and_si512(high, two_bits)),
        _mm512_or_si512(high_nibbles(second), _mm512_and_si512(_mm512_srli_epi16(high, 2), two_bits))};
    HEARTH_UNROLL
    for (int i = 0; i < 4; ++i) {
      _mm512_store_si512(scales + 64 * i, _mm512_sub_epi8(groups[i], _mm512_set1_epi8(32)));
    }
  }
  /// Codes 0..7: two bits, and a third that is bit `part` of the high-bit byte.
  HEARTH_INLINE __m512i unit(int part, int u) const {
    const __m512i low = rotate_right(load(b + 224 + 1024 * (part / 4) + 64 * u), 2 * (part % 4));
    const __m512i high = load(b + 736 + 64 * u);
    const __mmask64 set = _mm512_test_epi8_mask(high, _mm512_set1_epi8(static_cast<char>(1 << part)));
    const __m512i two = _mm512_and_si512(low, _mm512_set1_epi8(3));
    return _mm512_mask_add_epi8(two, set, two, _mm512_set1_epi8(4));
  }
  HEARTH_INLINE __m512i scale(int g) const {
    return low_words(_mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(scales + 16 * g))));
  }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
};

/// For whole panels: (code - 4) * scale lies in -124..128, so a byte raised by 124 holds it.
struct Q3_KFolded {
  static constexpr std::size_t kBlock = 256, kBytes = Q3_K::kBytes;
  static constexpr int kGroup = 64, kScaleUnits = 64, kOffset = 124;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  static constexpr int kPairs = 0;
  Q3_K plain;
  HEARTH_INLINE explicit Q3_KFolded(const std::byte* block) : plain(block) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    const __m512i scale = plain.scale(2 * part + u / 4);  // int32 lanes to all four bytes, and to both words
    const __m512i words =
        _mm512_or_si512(_mm512_and_si512(scale, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32(scale, 16));
    const __m512i centred = _mm512_sub_epi8(plain.unit(part, u), _mm512_set1_epi8(4));
    // Products modulo 256 byte by byte: even bytes from the low half, odd bytes by a multiplicand without low byte.
    const __m512i odd_bytes = _mm512_set1_epi16(static_cast<short>(0xff00));
    const __m512i even = _mm512_mullo_epi16(centred, words);
    const __m512i odd = _mm512_mullo_epi16(_mm512_and_si512(centred, odd_bytes), words);
    return _mm512_add_epi8(select_bits(odd_bytes, odd, even), _mm512_set1_epi8(124));
  }
  HEARTH_INLINE __m512 d() const { return plain.d(); }
};

struct IQ4_XS {
  static constexpr std::size_t kBlock = 256, kBytes = 2176;
  static constexpr int kGroup = 8, kScaleUnits = 8, kOffset = 128;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  static constexpr int kPairs = 0;
  const std::byte* b;
  HEARTH_INLINE explicit IQ4_XS(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    return look_up(raised_values_iq4(), nibble_unit(b + 128 + 256 * part, u));
  }
  HEARTH_INLINE __m512i scale(int g) const {
    const __m512i low = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 64 + 16 * (g / 2))));
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + 32)));
    const __m512i nibble =
        _mm512_and_si512(_mm512_srl_epi32(low, _mm_cvtsi32_si128(4 * (g & 1))), _mm512_set1_epi32(15));
    const __m512i two = _mm512_and_si512(_mm512_srl_epi32(high, _mm_cvtsi32_si128(2 * g)), _mm512_set1_epi32(3));
    return _mm512_sub_epi32(_mm512_or_si512(nibble, _mm512_slli_epi32(two, 4)), _mm512_set1_epi32(32));
  }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
};

struct TQ2_0 {
  static constexpr std::size_t kBlock = 256, kBytes = 1056;
  static constexpr int kGroup = 64, kScaleUnits = 64, kOffset = 1;
  static constexpr bool kNarrow = false;
  static constexpr bool kStreams = true;
  static constexpr bool kRaised = true;
  static constexpr bool kMin = false;
  static constexpr int kPairs = 0;
  const std::byte* b;
  HEARTH_INLINE explicit TQ2_0(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int part, int u) const {
    const __m512i v = rotate_right(load(b + 32 + 64 * (8 * (part / 4) + u)), 2 * (part % 4));
    return _mm512_and_si512(v, _mm512_set1_epi8(3));
  }
  HEARTH_INLINE __m512 d() const { return load_f16(b); }
};

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
