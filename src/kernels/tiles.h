// How a matrix product is cut into tiles, for every instruction set: panels of 16 rows times a few columns (rows of
// activations). The instruction sets bring the micro-kernels; this brings the order and what a tile needs beside codes.
//
// Few columns: weights are unpacked in registers and used at once by all of them. More: columns are cut into spans that
// stay in the second-level cache; per span each panel is unpacked once to bytes in the scratch and multiplied with the
// span's tiles, near equal in size.
//
// A source of weights (a packed format, or the form of an unpacked panel) is a struct with
//   kBlock, kBytes  elements of K in a block, and its bytes for 16 rows
//   kScales         32-blocks: float scales per 32 elements, 1 or 2
//   kGroup          256-blocks: elements under one sub-scale, in units of four
//   kRaised         codes are raised by an offset, which the sums of activations take back
//   kMin, kPairs    whether there are minima; how many pairs of sums a 256-block needs (for minima or an offset)
#pragma once

#include "kernels/table.h"

namespace hearth::kernels {

/// Per 32 elements: scale[C] f32 | start[kScales][C] i32, if kRaised: minus offset times the sum of codes | scale * sum
/// [C] f32, if kMin. Sums of 16 elements (kScales = 2) are taken from the codes.
template <class Source>
struct ActTile32 {
  static constexpr std::size_t kLen = 32;
  static constexpr std::size_t kStarts = Source::kRaised ? Source::kScales : 0;
  static constexpr std::size_t kWords = 1 + kStarts + Source::kMin;  // per column and kLen elements

  static void fill(const ActRows& x, std::size_t first, std::size_t columns, [[maybe_unused]] int offset,
                   std::int32_t* to) {
    const std::size_t n_blocks = x.k / kLen;
    for (std::size_t c = 0; c < columns; ++c) {
      const std::int8_t* codes = x.codes + (first + c) * x.k;
      const float* scales = x.scales + (first + c) * n_blocks;
      const std::int32_t* sums = x.sums + (first + c) * n_blocks;
      for (std::size_t b = 0; b < n_blocks; ++b) {
        std::int32_t* record = to + b * columns * kWords + c;
        __builtin_memcpy(record, &scales[b], 4);
        record += columns;
        for (std::size_t g = 0; g < kStarts; ++g, record += columns) {
          *record = -offset * (kStarts == 1 ? sums[b] : sum_of_16(codes + kLen * b + 16 * g));
        }
        if constexpr (Source::kMin) {
          const float low = scales[b] * static_cast<float>(sums[b]);
          __builtin_memcpy(record, &low, 4);
        }
      }
    }
  }
  static std::int32_t sum_of_16(const std::int8_t* codes) {
    std::int32_t sum = 0;
    for (int i = 0; i < 16; ++i) sum += codes[i];
    return sum;
  }
};

/// Per 256 elements: scale[C] f32 | start[groups][C] i32, if kRaised | sums as int16 pairs [kPairs][C]: of groups
/// 8 (p / 4) + p % 4 and four more, a group being 16 elements (eight pairs) or 32 (four).
template <class Source>
struct ActTile256 {
  static constexpr std::size_t kLen = 256;
  static constexpr std::size_t kStarts = Source::kRaised ? 64 / Source::kGroup : 0;
  static constexpr std::size_t kPairs = Source::kPairs;
  static constexpr std::size_t kWords = 1 + kStarts + kPairs;

  static void fill(const ActRows& x, std::size_t first, std::size_t columns, [[maybe_unused]] int offset,
                   std::int32_t* to) {
    const std::size_t n_blocks = x.k / kLen;
    for (std::size_t c = 0; c < columns; ++c) {
      const float* scales = x.scales + (first + c) * n_blocks;
      const std::int32_t* sums = x.sums + (first + c) * n_blocks * 16;
      for (std::size_t b = 0; b < n_blocks; ++b, sums += 16) {
        std::int32_t* record = to + b * columns * kWords + c;
        __builtin_memcpy(record, &scales[b], 4);
        record += columns;
        for (std::size_t g = 0; g < kStarts; ++g, record += columns) {
          *record = -offset * group_sum(sums, g, Source::kGroup / 4);
        }
        for (std::size_t p = 0; p < kPairs; ++p, record += columns) {
          const std::size_t g = 8 * (p / 4) + p % 4, n = kPairs == 4 ? 2 : 1;
          const auto low = static_cast<std::uint16_t>(group_sum(sums, g, n));
          const auto high = static_cast<std::uint32_t>(group_sum(sums, g + 4, n)) << 16;
          *record = static_cast<std::int32_t>(low | high);
        }
      }
    }
  }
  /// The sum of group g when a group is n sums of 16.
  static std::int32_t group_sum(const std::int32_t* sums, std::size_t g, std::size_t n) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += sums[g * n + i];
    return sum;
  }
};

template <class Source, bool is_256 = Source::kBlock == 256>
struct TileOf {
  using Type = ActTile256<Source>;
};
template <class Source>
struct TileOf<Source, false> {
  using Type = ActTile32<Source>;
};

/// acc[columns][16] = one panel (n_blocks of a source) times the columns' codes, `stride` bytes apart, over all of K.
using TileFn = void (*)(const std::byte* panel, std::size_t n_blocks, const std::int8_t* codes, std::size_t stride,
                        const std::int32_t* tile, float* acc);
/// Writes panel `panel_idx` of w unpacked.
using UnpackFn = void (*)(const PackedMatrix& w, std::size_t panel_idx, std::byte* to);

/// The arguments of a MatmulFn.
struct MatmulCall {
  const PackedMatrix& w;
  const ActRows& x;
  std::size_t panel_begin, panel_end;
  float* out;
  std::size_t out_stride;
  std::byte* scratch;
};

inline constexpr std::size_t kMostColumns = 12;              // of any instruction set's tiles
inline constexpr std::size_t kSpanBytes = 384 * 1024;        // of activation codes
inline constexpr std::size_t kSpanLeast = 6 * kMostColumns;  // columns, however long

/// Writes acc [columns][16] to out[first_column + c][16 * panel ...], never beyond the matrix.
inline void store_tile(const MatmulCall& call, const float* acc, std::size_t columns, std::size_t first_column,
                       std::size_t panel_idx) {
  const std::size_t n = kPanelRows * panel_idx;
  const std::size_t n_rows = call.w.n - n < kPanelRows ? call.w.n - n : kPanelRows;
  for (std::size_t c = 0; c < columns; ++c) {
    float* to = call.out + (first_column + c) * call.out_stride + n;
    if (n_rows == kPanelRows) {
      __builtin_memcpy(to, acc + kPanelRows * c, kPanelRows * sizeof(float));
    } else {
      __builtin_memcpy(to, acc + kPanelRows * c, n_rows * sizeof(float));
    }
  }
}

/// x.m columns, no more than the kernel `run` takes, straight from the packed weights.
template <class Format>
void few_columns(const MatmulCall& call, TileFn run) {
  using Tile = typename TileOf<Format>::Type;
  const ActRows& x = call.x;
  const std::size_t n_blocks = x.k / Format::kBlock;
  alignas(64) float acc[kMostColumns * kPanelRows];
  auto* tile = reinterpret_cast<std::int32_t*>(call.scratch);
  Tile::fill(x, 0, x.m, Format::kOffset, tile);
  for (std::size_t p = call.panel_begin; p < call.panel_end; ++p) {
    run(call.w.panels + p * n_blocks * Format::kBytes, n_blocks, x.codes, x.k, tile, acc);
    store_tile(call, acc, x.m, 0, p);
  }
}

/// Any number of columns, in tiles of at most `most`; find(columns) gives the kernel. Codes of Panel are raised by
/// `offset`, if at all.
template <class Panel>
void many_columns(const MatmulCall& call, int offset, UnpackFn unpack, std::size_t most, TileFn (*find)(std::size_t)) {
  using Tile = typename TileOf<Panel>::Type;
  const ActRows& x = call.x;
  alignas(64) float acc[kMostColumns * kPanelRows];
  const std::size_t n_blocks = x.k / Panel::kBlock;
  auto* tiles = reinterpret_cast<std::int32_t*>(call.scratch + n_blocks * Panel::kBytes);
  const std::size_t words = x.k / Tile::kLen * Tile::kWords;  // per column
  const std::size_t longest = kSpanBytes / x.k > kSpanLeast ? kSpanBytes / x.k : kSpanLeast;
  const std::size_t n_spans = (x.m + longest - 1) / longest;
  for (std::size_t s = 0; s < n_spans; ++s) {
    const std::size_t first = x.m * s / n_spans, length = x.m * (s + 1) / n_spans - first;
    const std::size_t n_tiles = (length + most - 1) / most;
    for (std::size_t t = 0; t < n_tiles; ++t) {
      const std::size_t from = length * t / n_tiles, to = length * (t + 1) / n_tiles;
      Tile::fill(x, first + from, to - from, offset, tiles + from * words);
    }
    for (std::size_t p = call.panel_begin; p < call.panel_end; ++p) {
      unpack(call.w, p, call.scratch);
      for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t from = length * t / n_tiles, columns = length * (t + 1) / n_tiles - from;
        find(columns)(call.scratch, n_blocks, x.codes + (first + from) * x.k, x.k, tiles + from * words, acc);
        store_tile(call, acc, columns, first + from, p);
      }
    }
  }
}

}  // namespace hearth::kernels
