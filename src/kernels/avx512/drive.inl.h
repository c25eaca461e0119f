// Which AVX-512 micro-kernel serves which number of columns.
#pragma once

#include "kernels/avx512/multiply.inl.h"
#include "kernels/avx512/panels.inl.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

constexpr std::size_t kFewColumns = 8;     // up to here weights are unpacked in registers
constexpr std::size_t kPairedColumns = 4;  // up to here two panels share what is read of the columns
/// Panels at once for one column: blocks of 256 and codes of a byte are read faster along one stream (Zen 4: Q8_0 5 to
/// 10 %), small blocks along four (Q4_0 6 %).
template <class Source>
constexpr std::size_t kStreamsAtOnce = Source::kBlock == 256 || Source::kBytes >= 16 * Source::kBlock ? 1 : 4;
constexpr std::size_t kMaxColumns = 6;  // of a tile of two panels: 12 sums and their 12 totals leave 8 registers

template <class Source, int P, int C>
HEARTH_INLINE constexpr TileFn tile_fn() {
  if constexpr (Source::kBlock == 256) {
    return multiply256<Source, P, C>;
  } else {
    return multiply32<Source, P, C>;
  }
}
/// The kernel of P panels for `columns`, which is known to lie in [low, high].
template <class Source, int P, int low, int high>
TileFn find_tile_fn(std::size_t columns) {
  if constexpr (low == high) {
    return tile_fn<Source, P, low>();
  } else {
    return columns == low ? tile_fn<Source, P, low>() : find_tile_fn<Source, P, low + 1, high>(columns);
  }
}
template <class Panel, int least>
TileFn find_panel_fn(std::size_t panels, std::size_t columns) {
  return panels == 1 ? find_tile_fn<Panel, 1, least, kMaxColumns>(columns)
                     : find_tile_fn<Panel, 2, least, kMaxColumns>(columns);
}

template <class Format>
TileFn find_format_fn(std::size_t panels, std::size_t columns) {
  if constexpr (kStreamsAtOnce<Format> == 4) {
    if (panels == 4) return tile_fn<Format, 4, 1>();
  }
  return panels == 1 ? find_tile_fn<Format, 1, 1, kFewColumns>(columns)
                     : find_tile_fn<Format, 2, 1, kPairedColumns>(columns);
}

/// Few columns by Format, many by panels unpacked from Many. Nine and more columns make tiles of four at least.
template <class Format, class Many>
void matmul_formats(const MatmulCall& call, UnpackFn unpack) {
  using Panel = typename PanelOf<Many>::Type;
  if (call.x.m <= kFewColumns) {
    const std::size_t at_once = call.x.m == 1 ? kStreamsAtOnce<Format> : call.x.m <= kPairedColumns ? 2 : 1;
    few_columns<Format>(call, ColumnOf<Format>::Type::fill, kFewColumns, at_once, find_format_fn<Format>);
  } else {
    many_columns<Panel>(call, Many::kOffset, unpack, ColumnOf<Panel>::Type::fill, kMaxColumns, 2,
                        find_panel_fn<Panel, 4>);
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
