// One matrix product with the AVX-512 micro-kernels: which tiles, in which order.
//
// Few rows of activations (up to kFusedColumns): weights are unpacked in registers and used at once by all of them.
// More: columns are cut into spans that stay in the second-level cache; per span each panel is unpacked once to bytes
// in the scratch and multiplied with the span's tiles of up to twelve columns, near equal in size.
#pragma once

#include "kernels/avx512/multiply.inl.h"
#include "kernels/avx512/panels.inl.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

constexpr std::size_t kFusedColumns = 8;
constexpr std::size_t kSpanBytes = 384 * 1024;  // of activation codes
constexpr std::size_t kSpanLeast = 6 * kMaxColumns;

using TileFn = void (*)(const std::byte* panel, std::size_t n_blocks, const std::int8_t* codes, std::size_t stride,
                        const std::int32_t* tile, float* acc);

template <class Source, int C>
HEARTH_INLINE constexpr TileFn tile_fn() {
  if constexpr (Source::kBlock == 32) {
    return multiply32<Source, C>;
  } else {
    return multiply256<Source, C>;
  }
}
/// The kernel for `columns`, which is known to lie in [low, high].
template <class Source, int low, int high>
HEARTH_INLINE TileFn find_tile_fn(std::size_t columns) {
  if constexpr (low == high) {
    return tile_fn<Source, low>();
  } else {
    return columns == low ? tile_fn<Source, low>() : find_tile_fn<Source, low + 1, high>(columns);
  }
}

template <class Source, std::size_t block>
struct TileOf {
  using Type = ActTile256<Source>;
};
template <class Source>
struct TileOf<Source, 32> {
  using Type = ActTile32<Source>;
};

/// Writes acc [columns][16] to out[first + c][n..], at most 16 rows, none beyond the matrix.
HEARTH_INLINE void store_tile(const float* acc, std::size_t columns, std::size_t first, std::size_t n,
                              std::size_t n_end, float* out, std::size_t out_stride) {
  const __mmask16 mask = n_end - n >= 16 ? 0xffff : static_cast<__mmask16>((1u << (n_end - n)) - 1);
  for (std::size_t c = 0; c < columns; ++c) {
    _mm512_mask_storeu_ps(out + (first + c) * out_stride + n, mask, _mm512_load_ps(acc + 16 * c));
  }
}

/// The arguments of a MatmulFn.
struct Call {
  const PackedMatrix& w;
  const ActRows& x;
  std::size_t panel_begin, panel_end;
  float* out;
  std::size_t out_stride;
  std::byte* scratch;
};

/// At most kFusedColumns rows of activations, straight from the packed weights.
template <class Format>
void few_columns(const Call& call) {
  using Tile = typename TileOf<Format, Format::kBlock>::Type;
  const ActRows& x = call.x;
  const std::size_t n_blocks = x.k / Format::kBlock;
  alignas(64) float acc[kFusedColumns * 16];
  auto* tile = reinterpret_cast<std::int32_t*>(call.scratch);
  Tile::fill(x, 0, x.m, Format::kOffset, tile);
  const TileFn run = find_tile_fn<Format, 1, kFusedColumns>(x.m);
  for (std::size_t p = call.panel_begin; p < call.panel_end; ++p) {
    run(call.w.panels + p * n_blocks * Format::kBytes, n_blocks, x.codes, x.k, tile, acc);
    store_tile(acc, x.m, 0, 16 * p, call.w.n, call.out, call.out_stride);
  }
}

/// Any number of rows: at least `least` in a tile, which 6 is for nine and more rows. unpack(w, panel index, to) writes
/// one panel of form Panel, its codes raised by `offset`.
template <class Panel, int least>
void many_columns(const Call& call, int offset, void (*unpack)(const PackedMatrix&, std::size_t, std::byte*)) {
  using Tile = typename TileOf<Panel, Panel::kBlock>::Type;
  const ActRows& x = call.x;
  alignas(64) float acc[kMaxColumns * 16];
  const std::size_t n_blocks = x.k / Panel::kBlock;
  auto* tiles = reinterpret_cast<std::int32_t*>(call.scratch + n_blocks * Panel::kBytes);
  const std::size_t words = n_blocks * Tile::kWords;  // per column
  const std::size_t longest = kSpanBytes / x.k > kSpanLeast ? kSpanBytes / x.k : kSpanLeast;
  const std::size_t n_spans = (x.m + longest - 1) / longest;
  for (std::size_t s = 0; s < n_spans; ++s) {
    const std::size_t first = x.m * s / n_spans, length = x.m * (s + 1) / n_spans - first;
    const std::size_t n_tiles = (length + kMaxColumns - 1) / kMaxColumns;
    for (std::size_t t = 0; t < n_tiles; ++t) {
      const std::size_t from = length * t / n_tiles, to = length * (t + 1) / n_tiles;
      Tile::fill(x, first + from, to - from, offset, tiles + from * words);
    }
    for (std::size_t p = call.panel_begin; p < call.panel_end; ++p) {
      unpack(call.w, p, call.scratch);
      for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t from = length * t / n_tiles, to = length * (t + 1) / n_tiles;
        const TileFn run = find_tile_fn<Panel, least, kMaxColumns>(to - from);
        run(call.scratch, n_blocks, x.codes + (first + from) * x.k, x.k, tiles + from * words, acc);
        store_tile(acc, to - from, first + from, 16 * p, call.w.n, call.out, call.out_stride);
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
