// Panels unpacked once to bytes, for products with many rows of activations: the same members as the formats, but a
// unit is one aligned load. Written by unpack() from a format, or by the code for formats without AVX-512 readers.
#pragma once

#include "kernels/avx512/formats.inl.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

/// 32 elements of 16 rows: units [8][16 rows][4] u8 | d [n_scales][16] f32 | m [16] f32, if any.
template <int n_scales, bool raised, bool has_min>
struct Panel32 {
  static constexpr std::size_t kBlock = 32;
  static constexpr std::size_t kMinAt = 512 + 64 * n_scales;
  static constexpr std::size_t kBytes = kMinAt + (has_min ? 64 : 0);
  static constexpr int kScales = n_scales;
  static constexpr bool kRaised = raised;
  static constexpr bool kMin = has_min;
  const std::byte* b;
  HEARTH_INLINE explicit Panel32(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int u) const { return _mm512_load_si512(b + 64 * u); }
  HEARTH_INLINE __m512 d(int g) const { return _mm512_load_ps(b + 512 + 64 * g); }
  HEARTH_INLINE __m512 m() const { return _mm512_load_ps(b + kMinAt); }
};

/// 256 elements of 16 rows: units [64][16 rows][4] u8 | d [16] f32 | dmin [16] f32 | minima int16 pairs [n_pairs][16] |
/// scales [64 / group][16] i16. What a form lacks takes no room.
template <int group, bool raised, int n_pairs>
struct Panel256 {
  static constexpr int kGroup = group, kPairs = n_pairs;
  static constexpr bool kRaised = raised;
  static constexpr bool kMin = n_pairs > 0;
  static constexpr std::size_t kBlock = 256;
  static constexpr std::size_t kPairsAt = 4096 + 128;
  static constexpr std::size_t kScalesAt = kPairsAt + 64 * n_pairs;
  static constexpr std::size_t kBytes = kScalesAt + (group == 64 ? 0 : 32 * (64 / group));
  const std::byte* b;
  HEARTH_INLINE explicit Panel256(const std::byte* block) : b(block) {}
  HEARTH_INLINE __m512i unit(int part, int u) const { return _mm512_load_si512(b + 64 * (8 * part + u)); }
  HEARTH_INLINE __m512i scale(int g) const {
    return _mm512_cvtepi16_epi32(_mm256_load_si256(reinterpret_cast<const __m256i*>(b + kScalesAt + 32 * g)));
  }
  HEARTH_INLINE __m512i pair(int p) const { return _mm512_load_si512(b + kPairsAt + 64 * p); }
  HEARTH_INLINE __m512 d() const { return _mm512_load_ps(b + 4096); }
  HEARTH_INLINE __m512 dmin() const { return _mm512_load_ps(b + 4096 + 64); }
};

/// The panel form of a format.
template <class Format, bool is_256 = Format::kBlock == 256>
struct PanelOf {
  using Type = Panel256<Format::kGroup, Format::kRaised, Format::kPairs>;
};
template <class Format>
struct PanelOf<Format, false> {
  using Type = Panel32<Format::kScales, Format::kRaised, Format::kMin>;
};

template <class Format>
void unpack32(const std::byte* from, std::size_t n_blocks, std::byte* to) {
  using Panel = typename PanelOf<Format>::Type;
  for (std::size_t b = 0; b < n_blocks; ++b, from += Format::kBytes) {
    const Format w(from);
    HEARTH_UNROLL
    for (int s = 0; s < static_cast<int>(Format::kBlock) / 32; ++s, to += Panel::kBytes) {
      HEARTH_UNROLL
      for (int u = 0; u < 8; ++u) _mm512_store_si512(to + 64 * u, w.unit(8 * s + u));
      HEARTH_UNROLL
      for (int g = 0; g < Format::kScales; ++g) _mm512_store_ps(to + 512 + 64 * g, w.d(Format::kScales * s + g));
      if constexpr (Format::kMin) _mm512_store_ps(to + Panel::kMinAt, w.m());
    }
  }
}

template <class Format>
void unpack256(const std::byte* from, std::size_t n_blocks, std::byte* to) {
  using Panel = typename PanelOf<Format>::Type;
  for (std::size_t b = 0; b < n_blocks; ++b, from += Format::kBytes, to += Panel::kBytes) {
    const Format w(from);
    for (int part = 0; part < 8; ++part) {
      HEARTH_UNROLL
      for (int u = 0; u < 8; ++u) {
        _mm512_store_si512(to + 64 * (8 * part + u), w.unit(part, u));
      }
    }
    _mm512_store_ps(to + 4096, w.d());
    if constexpr (Format::kMin) {
      _mm512_store_ps(to + 4096 + 64, w.dmin());
      HEARTH_UNROLL
      for (int p = 0; p < Format::kPairs; ++p) _mm512_store_si512(to + Panel::kPairsAt + 64 * p, w.pair(p));
    }
    if constexpr (Format::kGroup != 64) {
      for (int g = 0; g < 64 / Format::kGroup; ++g) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + Panel::kScalesAt + 32 * g),
                           _mm512_cvtepi32_epi16(w.scale(g)));
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
