// The integer micro-kernels of AVX2: the 16 rows of a panel, as two registers of 8, times 1..4 columns of activations.
// A broadcast activation serves both.
//
// vpmaddubsw multiplies unsigned by signed bytes and adds pairs in int16, which must not saturate: kRun products of the
// source's largest code with 127 fit. Signed codes take the absolute value as the unsigned operand and give their sign
// to the activation: 128 * 127 * 2 fits once. vpmaddwd then widens to int32 and multiplies with the sub-scale for free.
#pragma once

#include "kernels/avx2/panels.inl.h"
#include "kernels/tiles.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
namespace hearth::kernels::avx2 {
namespace {

constexpr std::size_t kMaxColumns = 4;  // of a tile
/// Up to here weights are unpacked in registers, beyond once to a panel: the dearer a format's codes, the earlier.
template <class Format>
HEARTH_INLINE constexpr std::size_t few_columns_of() {
  if constexpr (Format::kBlock < 256) {
    return 16;
  } else {
    return Format::kPartsTogether <= 2 ? 8 : 5;
  }
}

HEARTH_INLINE __m256i splat(const void* four_bytes) {
  std::int32_t bits;
  __builtin_memcpy(&bits, four_bytes, 4);
  return _mm256_set1_epi32(bits);
}
HEARTH_INLINE __m256 splat_float(const void* p) {
  return _mm256_castsi256_ps(splat(p));
}

/// Products of both halves of a panel with C columns, added in pairs as int16.
template <class Source, int C>
struct DotRun {
  __m256i pairs[2][C];
  /// Adds one unit of each half times the four codes at x of each column.
  HEARTH_INLINE void unit(const __m256i (&w)[2], const std::byte* x, std::size_t stride, bool start) {
    __m256i magnitude[2];
    HEARTH_UNROLL
    for (int h = 0; h < 2; ++h) magnitude[h] = Source::kSigned ? _mm256_abs_epi8(w[h]) : w[h];
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m256i four = splat(x + c * stride);
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        const __m256i product =
            _mm256_maddubs_epi16(magnitude[h], Source::kSigned ? _mm256_sign_epi8(four, w[h]) : four);
        pairs[h][c] = start ? product : _mm256_add_epi16(pairs[h][c], product);
        asm("" : "+x"(pairs[h][c]));  // GCC would add the products as a tree and run out of registers
      }
    }
  }
  HEARTH_INLINE void finish(const __m256i (&scale)[2], __m256i (&sum)[2][C]) const {
    HEARTH_UNROLL
    for (int i = 0; i < 2 * C; ++i) {
      __m256i& to = sum[i / C][i % C];
      to = _mm256_add_epi32(to, _mm256_madd_epi16(pairs[i / C][i % C], scale[i / C]));
    }
  }
};

HEARTH_INLINE void accumulate(float* acc, __m256 a, __m256 b) {
  _mm256_store_ps(acc, _mm256_fmadd_ps(a, b, _mm256_load_ps(acc)));
}
HEARTH_INLINE void accumulate_minus(float* acc, __m256 a, __m256 b) {
  _mm256_store_ps(acc, _mm256_fnmadd_ps(a, b, _mm256_load_ps(acc)));
}

template <int n>
HEARTH_INLINE void clear(float* acc) {
  HEARTH_UNROLL
  for (int i = 0; i < n; ++i) _mm256_store_ps(acc + 8 * i, _mm256_setzero_ps());
}

/// Asks for the cache lines of [at, at + bytes) that lie `ahead` further on. Packed weights are read once, from memory;
/// the hardware's own prefetching stops at every page.
template <std::size_t ahead, std::size_t bytes>
HEARTH_INLINE void prefetch(const std::byte* at) {
  HEARTH_UNROLL
  for (std::size_t i = 0; i < bytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(at + ahead + i), _MM_HINT_T0);
}
/// Four blocks of a 32-block format, from each of four panels; more would push each other out of the first-level cache.
constexpr std::size_t kAhead32 = 1152, kAhead256 = 4096;

/// acc [C][..][16] += one block of a panel times C columns; acc_stride floats from one column to the next.
template <class Source, int C>
HEARTH_INLINE void add_block32(const Source& w, const std::byte* x, std::size_t stride, float* acc,
                               std::size_t acc_stride) {
  using Column = ActColumn32<Source>;
  constexpr int kUnits = 8 / Source::kScales;  // under one scale
  constexpr int kRun = Source::kRun < kUnits ? Source::kRun : kUnits;
  __m256i ones[2];
  HEARTH_UNROLL
  for (int h = 0; h < 2; ++h) ones[h] = _mm256_set1_epi16(1);
  if constexpr (Source::kStreams) prefetch<kAhead32, Source::kBytes>(w.b);
  HEARTH_UNROLL
  for (int s = 0; s < static_cast<int>(Source::kBlock) / 32; ++s, x += Column::kBytes) {
    HEARTH_UNROLL
    for (int g = 0; g < Source::kScales; ++g) {
      __m256i dot[2][C];
      HEARTH_UNROLL
      for (int i = 0; i < 2 * C; ++i) {
        dot[i / C][i % C] =
            Source::kRaised ? splat(x + i % C * stride + 4 * (Column::kStartWord + g)) : _mm256_setzero_si256();
      }
      HEARTH_UNROLL
      for (int run = 0; run < kUnits; run += kRun) {
        DotRun<Source, C> products;
        HEARTH_UNROLL
        for (int u = kUnits * g + run; u < kUnits * g + run + kRun; ++u) {
          __m256i units[2];
          HEARTH_UNROLL
          for (int h = 0; h < 2; ++h) units[h] = w.unit(h, 8 * s + u);
          products.unit(units, x + 4 * u, stride, u == kUnits * g + run);
        }
        products.finish(ones, dot);
      }
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        const __m256 d = w.d(h, Source::kScales * s + g);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) {
          const __m256 scale = splat_float(x + c * stride + 4 * Column::kScaleWord);
          accumulate(acc + acc_stride * c + 8 * h, _mm256_cvtepi32_ps(dot[h][c]), _mm256_mul_ps(d, scale));
        }
      }
    }
    if constexpr (Source::kMin) {
      HEARTH_UNROLL
      for (int i = 0; i < 2 * C; ++i) {
        const int h = i / C, c = i % C;
        accumulate(acc + acc_stride * c + 8 * h, w.m(h), splat_float(x + c * stride + 4 * Column::kLowWord));
      }
    }
  }
}

/// The integer sums over one block of 256, sub-scales applied, an offset not yet taken back.
template <class Source, int C>
HEARTH_INLINE void dot_block(const Source& w, const std::byte* x, std::size_t stride, __m256i (&sum)[2][C]) {
  constexpr int kParts = Source::kPartsTogether;
  HEARTH_UNROLL
  for (int i = 0; i < 2 * C; ++i) sum[i / C][i % C] = _mm256_setzero_si256();
  for (std::size_t j = 0; j < 8 / kParts; ++j, x += 32 * kParts) {
    if constexpr (Source::kStreams) {
      prefetch<kAhead256, Source::kBytes / 8 * kParts>(w.b + Source::kBytes / 8 * kParts * j);
    }
    HEARTH_UNROLL
    for (int run = 0; run < 8 * kParts; run += Source::kRun) {
      DotRun<Source, C> products;
      HEARTH_UNROLL
      for (int u = run; u < run + Source::kRun; ++u) {
        __m256i units[2];
        HEARTH_UNROLL
        for (int h = 0; h < 2; ++h) units[h] = w.unit(h, j, u / 8, u % 8);
        products.unit(units, x + 4 * u, stride, u == run);
      }
      __m256i scale[2];
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) scale[h] = w.scale(h, 8 * kParts / Source::kGroup * j + run / Source::kGroup);
      products.finish(scale, sum);
    }
  }
}

template <class Source, int C>
HEARTH_INLINE void add_block256(const Source& w, const std::byte* x, std::size_t stride, float* acc,
                                std::size_t acc_stride) {
  using Column = ActColumn256<Source>;
  __m256i sum[2][C], low[2][C];
  dot_block<Source, C>(w, x, stride, sum);
  HEARTH_UNROLL
  for (int i = 0; i < 2 * C; ++i) low[i / C][i % C] = _mm256_setzero_si256();
  HEARTH_UNROLL
  for (int p = 0; p < Source::kPairs; ++p) {
    HEARTH_UNROLL
    for (int h = 0; h < 2; ++h) {
      const __m256i pair = w.pair(h, p);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) {
        const __m256i sums = splat(x + c * stride + 4 * (Column::kPairWord + p));
        low[h][c] = _mm256_add_epi32(low[h][c], _mm256_madd_epi16(pair, sums));
      }
    }
  }
  HEARTH_UNROLL
  for (int h = 0; h < 2; ++h) {
    const __m256 d = w.d(h);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m256 scale = splat_float(x + c * stride + 4 * Column::kScaleWord);
      const __m256i dot = Source::kMin ? sum[h][c] : _mm256_sub_epi32(sum[h][c], low[h][c]);
      float* to = acc + acc_stride * c + 8 * h;
      accumulate(to, _mm256_cvtepi32_ps(dot), _mm256_mul_ps(d, scale));
      if constexpr (Source::kMin) accumulate_minus(to, _mm256_cvtepi32_ps(low[h][c]), _mm256_mul_ps(w.dmin(h), scale));
    }
  }
}

/// acc [C][P][16] = P panels times C columns; panels take turns block by block.
template <class Source, int P, int C>
void multiply(const std::byte* panels, std::size_t panel_stride, std::size_t n_blocks, const std::byte* x,
              std::size_t stride, float* acc) {
  constexpr std::size_t kColumnBytes = ColumnOf<Source>::Type::kBytes * (Source::kBlock / ColumnOf<Source>::Type::kLen);
  clear<2 * P * C>(acc);
  for (std::size_t b = 0; b < n_blocks; ++b, panels += Source::kBytes, x += kColumnBytes) {
    for (std::size_t p = 0; p < P; ++p) {
      const Source w(panels + p * panel_stride);
      if constexpr (Source::kBlock == 256) {
        add_block256<Source, C>(w, x, stride, acc + 16 * p, 16 * P);
      } else {
        add_block32<Source, C>(w, x, stride, acc + 16 * p, 16 * P);
      }
    }
  }
}

// ---- which kernel serves which number of columns --------------------------------------------------------------------

/// Panels at once of a format, which are streams from memory. Blocks of 32 gain from four (Zen 3: Q8_0 17 GB/s along
/// one stream, 22 along four), blocks of 256 lose.
template <class Source>
constexpr int kPanelsAtOnce = !Source::kStreams || Source::kBlock == 256 ? 1 : 4;

template <class Source, int P>
TileFn find_tile_fn(std::size_t columns) {
  switch (columns) {
    case 1: return multiply<Source, P, 1>;
    case 2: return multiply<Source, P, 2>;
    case 3: return multiply<Source, P, 3>;
    default: return multiply<Source, P, 4>;
  }
}
template <class Source>
TileFn find_tile_fn(std::size_t panels, std::size_t columns) {
  if constexpr (kPanelsAtOnce<Source> > 1) {
    if (panels == 4) return find_tile_fn<Source, 4>(columns);
    if (panels == 2) return find_tile_fn<Source, 2>(columns);
  }
  return find_tile_fn<Source, 1>(columns);
}

/// Few columns straight from the format, more by unpacked panels.
template <class Format>
void matmul_format(const MatmulCall& call, UnpackFn unpack) {
  using Panel = typename PanelOf<Format>::Type;
  if (call.x.m <= few_columns_of<Format>()) {
    few_columns<Format>(call, ColumnOf<Format>::Type::fill, kMaxColumns, kPanelsAtOnce<Format>, find_tile_fn<Format>);
  } else {
    many_columns<Panel>(call, Format::kOffset, unpack, ColumnOf<Panel>::Type::fill, kMaxColumns, 1,
                        find_tile_fn<Panel>);
  }
}

}  // namespace
}  // namespace hearth::kernels::avx2
HEARTH_TARGET_END
