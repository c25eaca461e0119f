// The integer micro-kernels of AVX2: 8 rows of weights (a half of a panel) times a tile of 1..4 columns of activations.
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

constexpr std::size_t kMaxColumns = 4;

HEARTH_INLINE __m256i splat(const void* four_bytes) {
  std::int32_t bits;
  __builtin_memcpy(&bits, four_bytes, 4);
  return _mm256_set1_epi32(bits);
}
HEARTH_INLINE __m256 splat_float(const std::int32_t* p) {
  return _mm256_castsi256_ps(splat(p));
}

/// sum[c] += scale * (units [first, first + n) of a source times column c); unit_at(u) gives unit u of the half.
template <class Source, int C, int n>
struct DotRun {
  __m256i pairs[C];
  HEARTH_INLINE void unit(__m256i w, const std::int8_t* x, std::size_t stride, bool start) {
    const __m256i magnitude = Source::kSigned ? _mm256_abs_epi8(w) : w;
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m256i four = splat(x + c * stride);
      const __m256i product = _mm256_maddubs_epi16(magnitude, Source::kSigned ? _mm256_sign_epi8(four, w) : four);
      pairs[c] = start ? product : _mm256_add_epi16(pairs[c], product);
    }
  }
  HEARTH_INLINE void finish(__m256i scale, __m256i (&sum)[C]) const {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = _mm256_add_epi32(sum[c], _mm256_madd_epi16(pairs[c], scale));
  }
};

HEARTH_INLINE void accumulate(float* acc, __m256 a, __m256 b) {
  _mm256_store_ps(acc, _mm256_fmadd_ps(a, b, _mm256_load_ps(acc)));
}
HEARTH_INLINE void accumulate_minus(float* acc, __m256 a, __m256 b) {
  _mm256_store_ps(acc, _mm256_fnmadd_ps(a, b, _mm256_load_ps(acc)));
}

template <int C>
HEARTH_INLINE void clear(float* acc) {
  HEARTH_UNROLL
  for (int i = 0; i < 2 * C; ++i) _mm256_store_ps(acc + 8 * i, _mm256_setzero_ps());
}

template <class Source, int C>
void multiply32(const std::byte* panel, std::size_t n_blocks, const std::int8_t* x, std::size_t stride,
                const std::int32_t* tile, float* acc) {
  using Tile = ActTile32<Source>;
  constexpr int kUnits = 8 / Source::kScales;  // under one scale
  constexpr int kRun = Source::kRun < kUnits ? Source::kRun : kUnits;
  clear<C>(acc);
  for (std::size_t b = 0; b < n_blocks; ++b, panel += Source::kBytes) {
    const Source w(panel);
    HEARTH_UNROLL
    for (int s = 0; s < static_cast<int>(Source::kBlock) / 32; ++s) {
      for (int h = 0; h < 2; ++h) {
        HEARTH_UNROLL
        for (int g = 0; g < Source::kScales; ++g) {
          __m256i dot[C];
          HEARTH_UNROLL
          for (int c = 0; c < C; ++c) dot[c] = Source::kRaised ? splat(tile + C * (1 + g) + c) : _mm256_setzero_si256();
          HEARTH_UNROLL
          for (int run = 0; run < kUnits; run += kRun) {
            DotRun<Source, C, kRun> products;
            HEARTH_UNROLL
            for (int i = 0; i < kRun; ++i) {
              const int u = kUnits * g + run + i;
              products.unit(w.unit(h, 8 * s + u), x + 4 * u, stride, i == 0);
            }
            products.finish(_mm256_set1_epi16(1), dot);
          }
          const __m256 d = w.d(h, Source::kScales * s + g);
          HEARTH_UNROLL
          for (int c = 0; c < C; ++c) {
            accumulate(acc + 16 * c + 8 * h, _mm256_cvtepi32_ps(dot[c]), _mm256_mul_ps(d, splat_float(tile + c)));
          }
        }
        if constexpr (Source::kMin) {
          const std::int32_t* lows = tile + C * (1 + Tile::kStarts);
          HEARTH_UNROLL
          for (int c = 0; c < C; ++c) accumulate(acc + 16 * c + 8 * h, w.m(h), splat_float(lows + c));
        }
      }
      tile += Tile::kWords * C;
      x += 32;
    }
  }
}

/// The integer sum over one block of 256 and half h, sub-scales applied, an offset not yet taken back.
template <class Source, int C>
HEARTH_INLINE void dot_block(const Source& w, int h, const std::int8_t* x, std::size_t stride, __m256i (&sum)[C]) {
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) sum[c] = _mm256_setzero_si256();
  for (int part = 0; part < 8; ++part, x += 32) {
    HEARTH_UNROLL
    for (int g = 0; g < 8 / Source::kGroup; ++g) {
      const __m256i scale = w.scale(h, part * (8 / Source::kGroup) + g);
      HEARTH_UNROLL
      for (int run = 0; run < Source::kGroup; run += Source::kRun) {
        DotRun<Source, C, Source::kRun> products;
        HEARTH_UNROLL
        for (int i = 0; i < Source::kRun; ++i) {
          const int u = Source::kGroup * g + run + i;
          products.unit(w.unit(h, part, u), x + 4 * u, stride, i == 0);
        }
        products.finish(scale, sum);
      }
    }
  }
}

template <class Source, int C>
void multiply256(const std::byte* panel, std::size_t n_blocks, const std::int8_t* x, std::size_t stride,
                 const std::int32_t* tile, float* acc) {
  clear<C>(acc);
  for (std::size_t b = 0; b < n_blocks; ++b, panel += Source::kBytes) {
    const Source w(panel);
    const std::int32_t* pairs = tile + C;
    for (int h = 0; h < 2; ++h) {
      __m256i sum[C], low[C];
      dot_block<Source, C>(w, h, x, stride, sum);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) low[c] = _mm256_setzero_si256();
      HEARTH_UNROLL
      for (int p = 0; p < Source::kPairs; ++p) {
        const __m256i pair = w.pair(h, p);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) {
          low[c] = _mm256_add_epi32(low[c], _mm256_madd_epi16(pair, splat(pairs + C * p + c)));
        }
      }
      const __m256 d = w.d(h);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) {
        const __m256i dot = Source::kMin ? sum[c] : _mm256_sub_epi32(sum[c], low[c]);
        accumulate(acc + 16 * c + 8 * h, _mm256_cvtepi32_ps(dot), _mm256_mul_ps(d, splat_float(tile + c)));
      }
      if constexpr (Source::kMin) {
        const __m256 dmin = w.dmin(h);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) {
          accumulate_minus(acc + 16 * c + 8 * h, _mm256_cvtepi32_ps(low[c]),
                           _mm256_mul_ps(dmin, splat_float(tile + c)));
        }
      }
    }
    x += 256;
    tile += ActTile256<Source>::kWords * C;
  }
}

// ---- which kernel serves which number of columns --------------------------------------------------------------------

template <class Source, int C>
HEARTH_INLINE constexpr TileFn tile_fn() {
  if constexpr (Source::kBlock == 256) {
    return multiply256<Source, C>;
  } else {
    return multiply32<Source, C>;
  }
}
template <class Source>
TileFn find_tile_fn(std::size_t columns) {
  switch (columns) {
    case 1: return tile_fn<Source, 1>();
    case 2: return tile_fn<Source, 2>();
    case 3: return tile_fn<Source, 3>();
    default: return tile_fn<Source, 4>();
  }
}

/// Up to four columns straight from the format, more by unpacked panels.
template <class Format>
void matmul_format(const MatmulCall& call, UnpackFn unpack) {
  using Panel = typename PanelOf<Format>::Type;
  if (call.x.m <= kMaxColumns) {
    few_columns<Format>(call, find_tile_fn<Format>(call.x.m));
  } else {
    many_columns<Panel>(call, Format::kOffset, unpack, kMaxColumns, find_tile_fn<Panel>);
  }
}

}  // namespace
}  // namespace hearth::kernels::avx2
HEARTH_TARGET_END
