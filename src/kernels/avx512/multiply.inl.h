// The integer micro-kernels of AVX-512: one or two panels of weights times a few columns of activations.
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

// Clang schedules these kernels across the whole unrolled body and spills; a pinned value is computed where it stands.
// It also takes vpdpwssd apart into two instructions, which makes group sums as slow as the product they replace.
#if defined(__clang__)
#define HEARTH_PIN(value) asm volatile("" : "+v"(value))
HEARTH_INLINE __m512i add_word_products(__m512i sum, __m512i a, __m512i b) {
  asm volatile("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
#else
#define HEARTH_PIN(value) static_cast<void>(value)
HEARTH_INLINE __m512i add_word_products(__m512i sum, __m512i a, __m512i b) {
  return _mm512_dpwssd_epi32(sum, a, b);
}
#endif

/// C columns of bytes, `stride` apart; every third one has a pointer, so that addressing needs few registers.
template <int C>
struct Columns {
  const std::byte* base[(C + 2) / 3];
  std::size_t stride;
  HEARTH_INLINE Columns(const void* first, std::size_t column_stride) : stride(column_stride) {
    HEARTH_UNROLL
    for (int i = 0; i < (C + 2) / 3; ++i) base[i] = static_cast<const std::byte*>(first) + 3 * i * column_stride;
  }
  /// Word `i` (four codes, or what belongs to them) of a column in all lanes.
  HEARTH_INLINE __m512i word(int column, int i) const {
    std::int32_t bits;
    __builtin_memcpy(&bits, base[column / 3] + (column % 3) * stride + 4 * i, 4);
    return _mm512_set1_epi32(bits);
  }
  HEARTH_INLINE __m512 real(int column, int i) const { return _mm512_castsi512_ps(word(column, i)); }
  HEARTH_INLINE void advance(std::size_t bytes) {
    HEARTH_UNROLL
    for (int i = 0; i < (C + 2) / 3; ++i) base[i] += bytes;
  }
};

/// One register for each of P panels and C columns.
template <int P, int C>
struct Sums {
  __m512i v[P][C];
  HEARTH_INLINE void clear() {
    HEARTH_UNROLL
    for (int i = 0; i < P * C; ++i) v[i / C][i % C] = _mm512_setzero_si512();
  }
  /// Word `i` of each column, for codes that are raised; else zero.
  template <bool raised>
  HEARTH_INLINE void start(const Columns<C>& x, int i) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m512i first = raised ? x.word(c, i) : _mm512_setzero_si512();
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) v[p][c] = first;
    }
  }
  /// Adds unit u of the columns' codes times a unit of each panel.
  HEARTH_INLINE void add_products(const __m512i (&units)[P], const Columns<C>& x, int u) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      __m512i four = x.word(c, u);
      if constexpr (P > 1) HEARTH_PIN(four);  // one load for all panels, not a memory operand of each
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) v[p][c] = _mm512_dpbusd_epi32(v[p][c], units[p], four);
    }
  }
};

/// Asks for the cache lines of [at, at + bytes), into the second-level cache: on Zen 4 that reads up to 1.6 times as
/// fast as into the first. Packed weights are read once, from memory; the hardware's own prefetching stops at every
/// page.
template <std::size_t bytes>
HEARTH_INLINE void prefetch(const std::byte* at) {
  HEARTH_UNROLL
  for (std::size_t i = 0; i < bytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T1);
}
/// How far ahead of block b to ask. What lies behind the end of one of P panels is the next one's and read already: the
/// stream goes on P panels further.
template <class Source, int P>
HEARTH_INLINE std::size_t ahead_of(std::size_t b, std::size_t n_blocks, std::size_t panel_stride) {
  constexpr std::size_t kAhead = Source::kBlock == 256 ? 6912 : 4096;
  return kAhead + ((b + 1) * Source::kBytes + kAhead > n_blocks * Source::kBytes ? (P - 1) * panel_stride : 0);
}

template <class Source, int P, int C>
void multiply32(const std::byte* panels, std::size_t panel_stride, std::size_t n_blocks, const std::byte* columns,
                std::size_t stride, float* acc_out) {
  using Column = ActColumn32<Source>;
  constexpr int kUnits = 8 / Source::kScales;  // under one scale
  Columns<C> x(columns, stride);
  __m512 acc[P][C];
  HEARTH_UNROLL
  for (int i = 0; i < P * C; ++i) acc[i / C][i % C] = _mm512_setzero_ps();
  for (std::size_t b = 0; b < n_blocks; ++b, panels += Source::kBytes) {
    if constexpr (Source::kStreams) {
      const std::byte* later = panels + ahead_of<Source, P>(b, n_blocks, panel_stride);
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) prefetch<Source::kBytes>(later + p * panel_stride);
    }
    HEARTH_UNROLL
    for (int g = 0; g < static_cast<int>(Source::kBlock) / 32 * Source::kScales; ++g) {
      const int in_32 = g % Source::kScales;
      Sums<P, C> dot;
      dot.template start<Source::kRaised>(x, Column::kStartWord + in_32);
      HEARTH_UNROLL
      for (int u = 0; u < kUnits; ++u) {
        __m512i units[P];
        HEARTH_UNROLL
        for (int p = 0; p < P; ++p) units[p] = Source(panels + p * panel_stride).unit(kUnits * g + u);
        dot.add_products(units, x, kUnits * in_32 + u);
      }
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) {
        const __m512 d = Source(panels + p * panel_stride).d(g);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) {
          acc[p][c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot.v[p][c]), _mm512_mul_ps(d, x.real(c, Column::kScaleWord)),
                                      acc[p][c]);
        }
        if constexpr (Source::kMin) {
          const __m512 m = Source(panels + p * panel_stride).m();
          HEARTH_UNROLL
          for (int c = 0; c < C; ++c) acc[p][c] = _mm512_fmadd_ps(m, x.real(c, Column::kLowWord), acc[p][c]);
        }
      }
      if (in_32 == Source::kScales - 1) x.advance(Column::kBytes);
    }
  }
  HEARTH_UNROLL
  for (int i = 0; i < P * C; ++i) _mm512_store_ps(acc_out + 16 * (i % C * P + i / C), acc[i / C][i % C]);
}

/// The integer sums over one block of 256, sub-scales applied; asks for what lies `ahead` of it.
template <class Source, int P, int C>
HEARTH_INLINE void dot_block(const Source (&w)[P], std::size_t ahead, Columns<C> x, Sums<P, C>& sum) {
  using Column = ActColumn256<Source>;
  constexpr int kGroup = Source::kGroup, kScaleUnits = Source::kScaleUnits;
  if constexpr (kGroup == 64) {
    sum.template start<Source::kRaised>(x, Column::kStartWord);
  } else {
    sum.clear();
  }
  for (int part = 0; part < 8; ++part) {
    if constexpr (Source::kStreams) {
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) prefetch<Source::kBytes / 8>(w[p].b + ahead + part * (Source::kBytes / 8));
    }
    if constexpr (kGroup == 64) {
      HEARTH_UNROLL
      for (int u = 0; u < 8; ++u) {
        __m512i units[P];
        HEARTH_UNROLL
        for (int p = 0; p < P; ++p) units[p] = w[p].unit(part, u);
        sum.add_products(units, x, u);
      }
    } else {
      HEARTH_UNROLL
      for (int g = 0; g < 8 / kGroup; ++g) {
        Sums<P, C> dot;
        dot.template start<Source::kRaised>(x, 8 + g);
        HEARTH_UNROLL
        for (int u = kGroup * g; u < kGroup * (g + 1); ++u) {
          __m512i units[P];
          HEARTH_UNROLL
          for (int p = 0; p < P; ++p) units[p] = w[p].unit(part, u);
          dot.add_products(units, x, u);
        }
        HEARTH_UNROLL
        for (int p = 0; p < P; ++p) {
          const __m512i scale = w[p].scale(part * (8 / kScaleUnits) + g * kGroup / kScaleUnits);
          HEARTH_UNROLL
          for (int c = 0; c < C; ++c) {
            // Narrow sums fit int16: one multiply-add of low words instead of a 32-bit product and an addition.
            sum.v[p][c] = Source::kNarrow ? add_word_products(sum.v[p][c], dot.v[p][c], scale)
                                          : _mm512_add_epi32(sum.v[p][c], _mm512_mullo_epi32(dot.v[p][c], scale));
            HEARTH_PIN(sum.v[p][c]);  // before the next group starts, or both do not fit the registers
          }
        }
      }
    }
    x.advance(Column::kPartBytes);
  }
}

/// A source at the same block of two panels, or of one.
template <class Source, int P>
struct SourcesAt {
  static_assert(P == 2);
  const Source at[2];
  HEARTH_INLINE SourcesAt(const std::byte* block, std::size_t stride) : at{Source(block), Source(block + stride)} {}
};
template <class Source>
struct SourcesAt<Source, 1> {
  const Source at[1];
  HEARTH_INLINE SourcesAt(const std::byte* block, std::size_t) : at{Source(block)} {}
};

template <class Source, int P, int C>
void multiply256(const std::byte* panels, std::size_t panel_stride, std::size_t n_blocks, const std::byte* columns,
                 std::size_t stride, float* acc) {
  using Column = ActColumn256<Source>;
  Columns<C> x(columns, stride);
  HEARTH_UNROLL
  for (int i = 0; i < P * C; ++i) _mm512_store_ps(acc + 16 * i, _mm512_setzero_ps());
  for (std::size_t b = 0; b < n_blocks; ++b, panels += Source::kBytes, x.advance(Column::kBytes)) {
    asm volatile("" ::: "memory");  // acc stays in memory: in registers it would push the sums out of theirs
    const SourcesAt<Source, P> w(panels, panel_stride);
    Sums<P, C> sum;
    dot_block<Source, P, C>(w.at, ahead_of<Source, P>(b, n_blocks, panel_stride), x, sum);
    HEARTH_UNROLL
    for (int i = 0; i < P * C; ++i) {
      const int p = i / C, c = i % C;
      float* to = acc + 16 * (c * P + p);
      const __m512 scale = _mm512_mul_ps(w.at[p].d(), x.real(c, Column::kScaleWord));
      _mm512_store_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum.v[p][c]), scale, _mm512_load_ps(to)));
    }
    if constexpr (Source::kMin) {
      sum.clear();
      HEARTH_UNROLL
      for (int pair = 0; pair < Source::kPairs; ++pair) {
        HEARTH_UNROLL
        for (int p = 0; p < P; ++p) {
          const __m512i minima = w.at[p].pair(pair);
          HEARTH_UNROLL
          for (int c = 0; c < C; ++c) {
            sum.v[p][c] = add_word_products(sum.v[p][c], minima, x.word(c, Column::kPairWord + pair));
          }
        }
      }
      HEARTH_UNROLL
      for (int i = 0; i < P * C; ++i) {
        const int p = i / C, c = i % C;
        float* to = acc + 16 * (c * P + p);
        const __m512 scale = _mm512_mul_ps(w.at[p].dmin(), x.real(c, Column::kScaleWord));
        _mm512_store_ps(to, _mm512_fnmadd_ps(_mm512_cvtepi32_ps(sum.v[p][c]), scale, _mm512_load_ps(to)));
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
