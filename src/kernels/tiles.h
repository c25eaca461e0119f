// How a matrix product is cut into tiles, for every instruction set: panels of 16 rows times a few columns (rows of
// activations). The instruction sets bring the micro-kernels; this brings the order, and what they need beside codes.
//
// Few columns: weights are unpacked in registers and used at once by all of them. More: columns are cut into spans that
// stay in the second-level cache; per span each panel is unpacked once to bytes in the scratch and multiplied with the
// span's tiles, near equal in size.
//
// A source of weights (a packed format, or the form of an unpacked panel) is a struct with
//   kBlock, kBytes  elements of K in a block, and its bytes for 16 rows
//   kScales         32-blocks: float scales per 32 elements, 1 or 2
//   kGroup          256-blocks: units of four elements that are summed before a sub-scale is applied
//   kScaleUnits     256-blocks: units that share a sub-scale
//   kNarrow         256-blocks: a group's sum fits int16
//   kRaised         codes are raised by an offset, which each sum's start takes back
//   kMin, kPairs    whether there are minima; how many pairs of sums a 256-block needs (for minima or an offset)
#pragma once

#include "kernels/table.h"

namespace hearth::kernels {

// ---- columns as the kernels read them: one stream with the codes and, between them, what belongs to them ------------

/// n sums of 8 codes.
inline void sums_of_8(const std::int8_t* codes, std::size_t n, std::int32_t* out) {
  constexpr std::uint64_t kHigh = 0x8080808080808080ull, kEven = 0x00ff00ff00ff00ffull;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t bytes;
    __builtin_memcpy(&bytes, codes + 8 * i, 8);
    bytes ^= kHigh;  // every byte raised by 128: sums of two fit 16 bits, and of all eight
    const std::uint64_t pairs = (bytes & kEven) + (bytes >> 8 & kEven);
    out[i] = static_cast<std::int32_t>(pairs * 0x0001000100010001ull >> 48) - 8 * 128;
  }
}

template <typename T>
std::byte* put_word(std::byte* to, T value) {
  static_assert(sizeof value == 4);
  __builtin_memcpy(to, &value, 4);
  return to + 4;
}

/// Per 32 elements: codes [32] | scale f32 | start[kScales] i32, if kRaised: minus offset times the sum of codes |
/// scale * sum f32, if kMin.
template <class Source>
struct ActColumn32 {
  static constexpr std::size_t kLen = 32;
  static constexpr int kStarts = Source::kRaised ? Source::kScales : 0;
  static constexpr int kScaleWord = 8, kStartWord = 9, kLowWord = 9 + kStarts;  // 4-byte words of a record
  static constexpr std::size_t kBytes = 4 * (kLowWord + (Source::kMin ? 1 : 0));

  static void fill(const ActRows& x, std::size_t column, [[maybe_unused]] int offset, std::byte* to) {
    const std::size_t n_blocks = x.k / kLen;
    const std::int8_t* codes = x.codes + column * x.k;
    const float* scales = x.scales + column * n_blocks;
    const std::int32_t* sums = x.sums + column * n_blocks;
    for (std::size_t b = 0; b < n_blocks; ++b, codes += kLen) {
      __builtin_memcpy(to, codes, kLen);
      to = put_word(to + kLen, scales[b]);
      if constexpr (kStarts == 1) to = put_word(to, -offset * sums[b]);
      if constexpr (kStarts == 2) {
        std::int32_t eighths[4];
        sums_of_8(codes, 4, eighths);
        to = put_word(to, -offset * (eighths[0] + eighths[1]));
        to = put_word(to, -offset * (eighths[2] + eighths[3]));
      }
      if constexpr (Source::kMin) to = put_word(to, scales[b] * static_cast<float>(sums[b]));
    }
  }
};

/// Per 256 elements: eight parts of codes [32] | starts i32 of the part's groups, if kRaised; then scale f32 | the
/// start, if one group is the whole block | sums as int16 pairs [kPairs]: of groups 8 (p / 4) + p % 4 and four more, a
/// group being 16 elements (eight pairs) or 32 (four).
template <class Source>
struct ActColumn256 {
  static constexpr std::size_t kLen = 256;
  static constexpr bool kWhole = Source::kGroup == 64;
  static constexpr int kStarts = Source::kRaised && !kWhole ? 8 / Source::kGroup : 0;  // of a part
  static constexpr int kPairs = Source::kPairs;
  static constexpr std::size_t kPartBytes = 32 + 4 * kStarts;
  static constexpr int kScaleWord = 2 * kPartBytes, kStartWord = kScaleWord + 1;  // 4-byte words from the block's begin
  static constexpr int kPairWord = kStartWord + (Source::kRaised && kWhole ? 1 : 0);
  static constexpr std::size_t kBytes = 4 * (kPairWord + kPairs);

  static void fill(const ActRows& x, std::size_t column, [[maybe_unused]] int offset, std::byte* to) {
    const std::size_t n_blocks = x.k / kLen;
    const std::int8_t* codes = x.codes + column * x.k;
    const float* scales = x.scales + column * n_blocks;
    const std::int32_t* sums = x.sums + column * n_blocks * 16;
    for (std::size_t b = 0; b < n_blocks; ++b, sums += 16) {
      for (int part = 0; part < 8; ++part, codes += 32) {
        __builtin_memcpy(to, codes, 32);
        to += 32;
        if constexpr (kStarts == 4) {
          std::int32_t eighths[4];
          sums_of_8(codes, 4, eighths);
          for (std::int32_t sum : eighths) to = put_word(to, -offset * sum);
        } else if constexpr (kStarts != 0) {
          for (int g = 0; g < kStarts; ++g)
            to = put_word(to, -offset * group_sum(sums, part * kStarts + g, 2 / kStarts));
        }
      }
      to = put_word(to, scales[b]);
      if constexpr (Source::kRaised && kWhole) to = put_word(to, -offset * group_sum(sums, 0, 16));
      for (int p = 0; p < kPairs; ++p) {
        const int g = 8 * (p / 4) + p % 4, n = kPairs == 4 ? 2 : 1;
        const auto low = static_cast<std::uint16_t>(group_sum(sums, g, n));
        to = put_word(to, low | static_cast<std::uint32_t>(group_sum(sums, g + 4, n)) << 16);
      }
    }
  }
  /// The sum of group g when a group is n sums of 16.
  static std::int32_t group_sum(const std::int32_t* sums, int g, int n) {
    std::int32_t sum = 0;
    for (int i = 0; i < n; ++i) sum += sums[g * n + i];
    return sum;
  }
};

template <class Source, bool is_256 = Source::kBlock == 256>
struct ColumnOf {
  using Type = ActColumn256<Source>;
};
template <class Source>
struct ColumnOf<Source, false> {
  using Type = ActColumn32<Source>;
};

/// Bytes from one column to the next: an odd number of cache lines, so that columns do not compete for the same ones.
template <class Column>
std::size_t column_stride(std::size_t k) {
  const std::size_t lines = (k / Column::kLen * Column::kBytes + 63) / 64;
  return (lines | 1) * 64;
}

// ---- tiles ----------------------------------------------------------------------------------------------------------

/// acc [columns][panels][16] = panels (n_blocks of a source each, `panel_stride` bytes apart) times columns, `stride`
/// bytes apart, over all of K.
using TileFn = void (*)(const std::byte* panels, std::size_t panel_stride, std::size_t n_blocks,
                        const std::byte* columns, std::size_t stride, float* acc);
/// Writes one column of activations as a kernel reads it (ActColumn32, ActColumn256).
using FillFn = void (*)(const ActRows& x, std::size_t column, int offset, std::byte* to);
/// The kernel for that many panels and columns.
using FindTileFn = TileFn (*)(std::size_t panels, std::size_t columns);
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

inline constexpr std::size_t kMostSums = 16;           // columns times panels of any tile
inline constexpr std::size_t kSpanBytes = 384 * 1024;  // of activation codes
inline constexpr std::size_t kSpanLeast = 48;          // columns, however long

/// Writes acc [columns][panels][16] to out[first_column + c][16 * panel ...], never beyond the matrix.
inline void store_tile(const MatmulCall& call, const float* acc, std::size_t columns, std::size_t panels,
                       std::size_t first_column, std::size_t panel_idx) {
  const std::size_t n = kPanelRows * panel_idx, most = kPanelRows * panels;
  const std::size_t n_rows = call.w.n - n < most ? call.w.n - n : most;
  float* to = call.out + first_column * call.out_stride + n;
  for (std::size_t c = 0; c < columns; ++c, to += call.out_stride, acc += most) {
    // Sizes the compiler knows for all but the last rows of a matrix.
    if (n_rows == 4 * kPanelRows) {
      __builtin_memcpy(to, acc, 4 * kPanelRows * sizeof(float));
    } else if (n_rows == 2 * kPanelRows) {
      __builtin_memcpy(to, acc, 2 * kPanelRows * sizeof(float));
    } else if (n_rows == kPanelRows) {
      __builtin_memcpy(to, acc, kPanelRows * sizeof(float));
    } else {
      __builtin_memcpy(to, acc, n_rows * sizeof(float));
    }
  }
}

/// Asks for the lines that store_tile will write; of rows that are not aligned to lines, for the first of each panel.
inline void prefetch_tile(const MatmulCall& call, std::size_t columns, std::size_t panels, std::size_t first_column,
                          std::size_t panel_idx) {
  const float* to = call.out + first_column * call.out_stride + kPanelRows * panel_idx;
  for (std::size_t c = 0; c < columns; ++c, to += call.out_stride) {
    for (std::size_t p = 0; p < panels; ++p) __builtin_prefetch(to + kPanelRows * p, 1);
  }
}

/// Asks for one of n shares of the panels that are unpacked next.
inline void prefetch_panels(const std::byte* panels, std::size_t n_bytes, std::size_t share, std::size_t n) {
  const std::size_t n_lines = n_bytes / 64;
  for (std::size_t line = n_lines * share / n; line < n_lines * (share + 1) / n; ++line)
    __builtin_prefetch(panels + 64 * line, 0, 2);
}

/// A few columns, in tiles of at most `most`, straight from the packed weights, `at_once` panels together: 4, 2 or 1.
template <class Format>
void few_columns(const MatmulCall& call, FillFn fill, std::size_t most, std::size_t at_once, FindTileFn find) {
  using Column = typename ColumnOf<Format>::Type;
  const ActRows& x = call.x;
  const std::size_t n_blocks = x.k / Format::kBlock, panel_stride = n_blocks * Format::kBytes;
  alignas(64) float acc[kMostSums * kPanelRows];
  const std::size_t stride = column_stride<Column>(x.k), n_tiles = (x.m + most - 1) / most;
  for (std::size_t m = 0; m < x.m; ++m) fill(x, m, Format::kOffset, call.scratch + m * stride);
  for (std::size_t p = call.panel_begin, panels = 0; p < call.panel_end; p += panels) {
    panels = at_once;
    while (call.panel_end - p < panels) panels /= 2;
    const std::byte* first = call.w.panels + p * panel_stride;
    for (std::size_t t = 0; t < n_tiles; ++t) {
      const std::size_t from = x.m * t / n_tiles, width = x.m * (t + 1) / n_tiles - from;
      find(panels, width)(first, panel_stride, n_blocks, call.scratch + from * stride, stride, acc);
      store_tile(call, acc, width, panels, from, p);
    }
  }
}

/// Any number of columns, in tiles of at most `most` columns and up to `at_once` panels. Codes of Panel are raised by
/// `offset`, if at all.
template <class Panel>
void many_columns(const MatmulCall& call, int offset, UnpackFn unpack, FillFn fill, std::size_t most,
                  std::size_t at_once, FindTileFn find) {
  using Column = typename ColumnOf<Panel>::Type;
  const ActRows& x = call.x;
  alignas(64) float acc[kMostSums * kPanelRows];
  const std::size_t n_blocks = x.k / Panel::kBlock, panel_stride = n_blocks * Panel::kBytes;
  const std::size_t stride = column_stride<Column>(x.k);
  std::byte* columns = call.scratch + at_once * panel_stride;
  const std::size_t longest = kSpanBytes / x.k > kSpanLeast ? kSpanBytes / x.k : kSpanLeast;
  const std::size_t n_spans = (x.m + longest - 1) / longest;
  const std::size_t packed_bytes = panel_bytes(call.w.type, x.k);
  for (std::size_t s = 0; s < n_spans; ++s) {
    const std::size_t first = x.m * s / n_spans, length = x.m * (s + 1) / n_spans - first;
    const std::size_t n_tiles = (length + most - 1) / most;
    for (std::size_t m = 0; m < length; ++m) fill(x, first + m, offset, columns + m * stride);
    for (std::size_t p = call.panel_begin, panels = 0; p < call.panel_end; p += panels) {
      panels = call.panel_end - p < at_once ? 1 : at_once;
      const std::size_t left = call.panel_end - p - panels, next = left < at_once ? left : at_once;
      for (std::size_t i = 0; i < panels; ++i) unpack(call.w, p + i, call.scratch + i * panel_stride);
      for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t from = length * t / n_tiles, width = length * (t + 1) / n_tiles - from;
        prefetch_tile(call, width, panels, first + from, p);
        prefetch_panels(call.w.panels + (p + panels) * packed_bytes, next * packed_bytes, t, n_tiles);
        find(panels, width)(call.scratch, panel_stride, n_blocks, columns + from * stride, stride, acc);
        store_tile(call, acc, width, panels, first + from, p);
      }
    }
  }
}

}  // namespace hearth::kernels
