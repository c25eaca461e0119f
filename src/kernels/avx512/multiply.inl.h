// The integer micro-kernels of AVX-512: 16 rows of weights times a tile of 1..12 columns of activations.
//
// A source (a format of formats.inl.h, or a panel already unpacked) gives weights as unsigned bytes; activations are
// the signed operand, four codes broadcast to all lanes. Where codes are raised by an offset (kRaised), each sum starts
// at -offset * (sum of the activation's codes). Every sum is exact modulo 2^32 and its true value fits int32.
#pragma once

#include "kernels/avx512/formats.inl.h"
#include "kernels/tiles.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

/// Columns of activation codes; every third one has a pointer, so that twelve need four registers and the stride.
template <int C>
struct Columns {
  const std::int8_t* base[(C + 2) / 3];
  std::size_t stride;
  HEARTH_INLINE Columns(const std::int8_t* codes, std::size_t column_stride) : stride(column_stride) {
    HEARTH_UNROLL
    for (int i = 0; i < (C + 2) / 3; ++i) base[i] = codes + 3 * i * column_stride;
  }
  HEARTH_INLINE __m512i four(int column, int unit) const {
    std::int32_t codes;
    __builtin_memcpy(&codes, base[column / 3] + (column % 3) * stride + 4 * unit, 4);
    return _mm512_set1_epi32(codes);
  }
  HEARTH_INLINE void advance(int elements) {
    HEARTH_UNROLL
    for (int i = 0; i < (C + 2) / 3; ++i) base[i] += elements;
  }
};

HEARTH_INLINE __m512i splat(const std::int32_t* p) {
  return _mm512_set1_epi32(*p);
}

// ---- kernels: acc[C][16] = the whole of K --------------------------------------------------------------------------

template <class Source, int C>
HEARTH_INLINE void start_sums(const std::int32_t* starts, __m512i (&dot)[C]) {
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) dot[c] = Source::kRaised ? splat(starts + c) : _mm512_setzero_si512();
}

template <class Source, int C>
void multiply32(const std::byte* panel, std::size_t n_blocks, const std::int8_t* codes, std::size_t stride,
                const std::int32_t* tile, float* acc_out) {
  constexpr int kUnits = 8 / Source::kScales;  // under one scale
  Columns<C> x(codes, stride);
  __m512 acc[C];
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) acc[c] = _mm512_setzero_ps();
  for (std::size_t b = 0; b < n_blocks; ++b, panel += Source::kBytes) {
    const Source w(panel);
    HEARTH_UNROLL
    for (int g = 0; g < static_cast<int>(Source::kBlock) / 32 * Source::kScales; ++g) {
      const int in_32 = g % Source::kScales;
      const auto* scales = reinterpret_cast<const float*>(tile);
      __m512i dot[C];
      start_sums<Source, C>(tile + C * (1 + in_32), dot);
      HEARTH_UNROLL
      for (int u = 0; u < kUnits; ++u) {
        const __m512i unit = w.unit(kUnits * g + u);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) dot[c] = _mm512_dpbusd_epi32(dot[c], unit, x.four(c, kUnits * in_32 + u));
      }
      const __m512 d = w.d(g);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) {
        acc[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), _mm512_mul_ps(d, _mm512_set1_ps(scales[c])), acc[c]);
      }
      if constexpr (Source::kMin) {
        const __m512 m = w.m();
        const float* lows = scales + C * (1 + ActTile32<Source>::kStarts);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) acc[c] = _mm512_fmadd_ps(m, _mm512_set1_ps(lows[c]), acc[c]);
      }
      if (in_32 == Source::kScales - 1) {
        tile += ActTile32<Source>::kWords * C;
        x.advance(32);
      }
    }
  }
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) _mm512_store_ps(acc_out + 16 * c, acc[c]);
}

/// dot[c] += unit * x for n units from `first` of a part.
template <class Source, int C>
HEARTH_INLINE void dot_units(const Source& w, const Columns<C>& x, int part, int first, int n, __m512i (&dot)[C]) {
  HEARTH_UNROLL
  for (int u = 0; u < n; ++u) {
    const __m512i unit = w.unit(part, first + u);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) dot[c] = _mm512_dpbusd_epi32(dot[c], unit, x.four(c, first + u));
  }
}

/// The integer sum over one block of 256, sub-scales applied.
template <class Source, int C>
HEARTH_INLINE void dot_block(const Source& w, Columns<C>& x, const std::int32_t* starts, __m512i (&sum)[C]) {
  if constexpr (Source::kGroup == 64) {
    start_sums<Source, C>(starts, sum);
    for (int part = 0; part < 8; ++part) {
      dot_units<Source, C>(w, x, part, 0, 8, sum);
      x.advance(32);
    }
  } else {
    constexpr int kGroups = 8 / Source::kGroup;  // of a part
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = _mm512_setzero_si512();
    for (int part = 0; part < 8; ++part) {
      HEARTH_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        __m512i dot[C];
        start_sums<Source, C>(starts, dot);
        if (Source::kRaised) starts += C;
        dot_units<Source, C>(w, x, part, g * Source::kGroup, Source::kGroup, dot);
        const __m512i scale = w.scale(part * kGroups + g);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) sum[c] = _mm512_add_epi32(sum[c], _mm512_mullo_epi32(dot[c], scale));
      }
      x.advance(32);
    }
  }
}

template <class Source, int C>
void multiply256(const std::byte* panel, std::size_t n_blocks, const std::int8_t* codes, std::size_t stride,
                 const std::int32_t* tile, float* acc) {
  using Tile = ActTile256<Source>;
  Columns<C> x(codes, stride);
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) _mm512_store_ps(acc + 16 * c, _mm512_setzero_ps());
  for (std::size_t b = 0; b < n_blocks; ++b) {
    const Source w(panel);
    __m512i sum[C];
    dot_block<Source, C>(w, x, tile + C, sum);
    const auto* scales = reinterpret_cast<const float*>(tile);
    const __m512 d = w.d();
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m512 scale = _mm512_mul_ps(d, _mm512_set1_ps(scales[c]));
      _mm512_store_ps(acc + 16 * c, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[c]), scale, _mm512_load_ps(acc + 16 * c)));
    }
    if constexpr (Source::kMin) {
      const std::int32_t* pairs = tile + C * (1 + Tile::kStarts);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) sum[c] = _mm512_setzero_si512();
      HEARTH_UNROLL
      for (int p = 0; p < Source::kPairs; ++p) {
        const __m512i minima = w.pair(p);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) sum[c] = _mm512_dpwssd_epi32(sum[c], minima, splat(pairs + C * p + c));
      }
      const __m512 dmin = w.dmin();
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) {
        const __m512 scale = _mm512_mul_ps(dmin, _mm512_set1_ps(scales[c]));
        _mm512_store_ps(acc + 16 * c,
                        _mm512_fnmadd_ps(_mm512_cvtepi32_ps(sum[c]), scale, _mm512_load_ps(acc + 16 * c)));
      }
    }
    panel += Source::kBytes;
    tile += Tile::kWords * C;
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
