// The integer micro-kernels of AVX-512: 16 rows of weights times a tile of 1..12 columns of activations.
//
// A source (a format of formats.inl.h, or a panel already unpacked) gives weights as unsigned bytes; activations are
// the signed operand, four codes broadcast to all lanes. Where codes are raised by an offset (kRaised), each sum starts
// at -offset * (sum of the activation's codes). Every sum is exact modulo 2^32 and its true value fits int32.
#pragma once

#include "kernels/avx512/formats.inl.h"
#include "kernels/table.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

constexpr int kMaxColumns = 12;

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

// ---- what a tile of columns needs beside the codes, in the order the kernels read it
// ---------------------------------

/// Per 32 elements: scale[C] f32 | start[C] i32, if kRaised | scale * sum [C] f32, if kMin.
template <class Source>
struct ActTile32 {
  static constexpr std::size_t kWords = 1 + Source::kRaised + Source::kMin;  // per column and block
  static void fill(const ActRows& x, std::size_t first, std::size_t columns, [[maybe_unused]] int offset,
                   std::int32_t* to) {
    const std::size_t n_blocks = x.k / 32;
    for (std::size_t c = 0; c < columns; ++c) {
      const float* scales = x.scales + (first + c) * n_blocks;
      const std::int32_t* sums = x.sums + (first + c) * n_blocks;
      for (std::size_t b = 0; b < n_blocks; ++b) {
        std::int32_t* record = to + b * columns * kWords + c;
        __builtin_memcpy(record, &scales[b], 4);
        record += columns;
        if constexpr (Source::kRaised) {
          *record = -offset * sums[b];
          record += columns;
        }
        if constexpr (Source::kMin) {
          const float low = scales[b] * static_cast<float>(sums[b]);
          __builtin_memcpy(record, &low, 4);
        }
      }
    }
  }
};

/// Per 256 elements: scale[C] f32 | start[groups][C] i32, if kRaised | sums as int16 pairs [n_pairs][C], if kMin: of
/// groups 8 (p / 4) + p % 4 and four more, a group being 16 elements (eight pairs) or 32 (four).
template <class Source>
struct ActTile256 {
  static constexpr int kGroups = 64 / Source::kGroup;
  static constexpr std::size_t kStarts = Source::kRaised ? kGroups : 0;
  static constexpr std::size_t kPairs = Source::kMin ? Source::kMinPairs : 0;
  static constexpr std::size_t kWords = 1 + kStarts + kPairs;
  static void fill(const ActRows& x, std::size_t first, std::size_t columns, [[maybe_unused]] int offset,
                   std::int32_t* to) {
    const std::size_t n_blocks = x.k / 256;
    for (std::size_t c = 0; c < columns; ++c) {
      const float* scales = x.scales + (first + c) * n_blocks;
      const std::int32_t* sums = x.sums + (first + c) * n_blocks * 16;
      for (std::size_t b = 0; b < n_blocks; ++b, sums += 16) {
        std::int32_t* record = to + b * columns * kWords + c;
        __builtin_memcpy(record, &scales[b], 4);
        record += columns;
        for (std::size_t g = 0; g < kStarts; ++g, record += columns)
          *record = -offset * group_sum(sums, g, Source::kGroup / 4);
        for (std::size_t p = 0; p < kPairs; ++p, record += columns) {
          const std::size_t g = 8 * (p / 4) + p % 4, n = kPairs == 4 ? 2 : 1;
          const auto low = static_cast<std::uint16_t>(group_sum(sums, g, n));
          *record = static_cast<std::int32_t>(low | static_cast<std::uint32_t>(group_sum(sums, g + 4, n)) << 16);
        }
      }
    }
  }
  /// The sum of group g when a group is n sums of 16.
  HEARTH_INLINE static std::int32_t group_sum(const std::int32_t* sums, std::size_t g, std::size_t n) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += sums[g * n + i];
    return sum;
  }
};

// ---- kernels: acc[C][16] = the whole of K --------------------------------------------------------------------------

template <class Source, int C>
void multiply32(const std::byte* panel, std::size_t n_blocks, const std::int8_t* codes, std::size_t stride,
                const std::int32_t* tile, float* acc_out) {
  Columns<C> x(codes, stride);
  __m512 acc[C];
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) acc[c] = _mm512_setzero_ps();
  for (std::size_t b = 0; b < n_blocks; ++b) {
    const Source w(panel);
    __m512i dot[C];
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) dot[c] = Source::kRaised ? splat(tile + C + c) : _mm512_setzero_si512();
    HEARTH_UNROLL
    for (int u = 0; u < 8; ++u) {
      const __m512i unit = w.unit(u);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) dot[c] = _mm512_dpbusd_epi32(dot[c], unit, x.four(c, u));
    }
    const auto* scales = reinterpret_cast<const float*>(tile);
    const __m512 d = w.d();
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      acc[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), _mm512_mul_ps(d, _mm512_set1_ps(scales[c])), acc[c]);
    }
    if constexpr (Source::kMin) {
      const __m512 m = w.m();
      const float* lows = scales + (Source::kRaised ? 2 * C : C);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) acc[c] = _mm512_fmadd_ps(m, _mm512_set1_ps(lows[c]), acc[c]);
    }
    panel += Source::kBytes;
    tile += ActTile32<Source>::kWords * C;
    x.advance(32);
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

template <class Source, int C>
HEARTH_INLINE void start_sums(const std::int32_t* starts, __m512i (&dot)[C]) {
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) dot[c] = Source::kRaised ? splat(starts + c) : _mm512_setzero_si512();
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
      for (int p = 0; p < Source::kMinPairs; ++p) {
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
