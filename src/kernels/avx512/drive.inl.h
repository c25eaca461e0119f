// Which AVX-512 micro-kernel serves which number of columns.
#pragma once

#include "kernels/avx512/multiply.inl.h"
#include "kernels/avx512/panels.inl.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

constexpr std::size_t kFewColumns = 8;  // up to here weights are unpacked in registers
constexpr std::size_t kMaxColumns = 12;

template <class Source, int C>
HEARTH_INLINE constexpr TileFn tile_fn() {
  if constexpr (Source::kBlock == 256) {
    return multiply256<Source, C>;
  } else {
    return multiply32<Source, C>;
  }
}
/// The kernel for `columns`, which is known to lie in [low, high].
template <class Source, int low, int high>
TileFn find_tile_fn(std::size_t columns) {
  if constexpr (low == high) {
    return tile_fn<Source, low>();
  } else {
    return columns == low ? tile_fn<Source, low>() : find_tile_fn<Source, low + 1, high>(columns);
  }
}

/// Few columns by Format, many by panels unpacked from Many. Nine and more columns make tiles of six at least.
template <class Format, class Many>
void matmul_formats(const MatmulCall& call, UnpackFn unpack) {
  using Panel = typename PanelOf<Many>::Type;
  if (call.x.m <= kFewColumns) {
    few_columns<Format>(call, find_tile_fn<Format, 1, kFewColumns>(call.x.m));
  } else {
    many_columns<Panel>(call, Many::kOffset, unpack, kMaxColumns, find_tile_fn<Panel, 6, kMaxColumns>);
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
