// Which AVX-512 micro-kernel serves which number of columns.
#pragma once

#include "kernels/avx512/multiply.inl.h"
#include "kernels/avx512/panels.inl.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

constexpr std::size_t kFewColumns = 8;     // up to here weights are unpacked in registers
constexpr std::size_t kPairedColumns = 4;  // up to here two panels share what is read of the columns
/// Panels at once for one column. Blocks of 32 are read faster along four streams (Zen 4: Q8_0 22 GB/s, 18 along one),
/// blocks of 256 along one.
template <class Source>
constexpr std::size_t kStreamsAtOnce = Source::kBlock == 256 ? 1 : 4;
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

/// ActColumn256::fill where a part has four starts, sums of eight codes.
template <class Source>
void fill_eighths(const ActRows& x, std::size_t column, int offset, std::byte* to) {
  using Column = ActColumn256<Source>;
  static_assert(Column::kStarts == 4 && Column::kPairs == 0);
  const std::int8_t* codes = x.codes + column * x.k;
  const float* scales = x.scales + column * (x.k / Column::kLen);
  for (std::size_t b = 0; b < x.k / Column::kLen; ++b) {
    for (int part = 0; part < 8; ++part, codes += 32, to += Column::kPartBytes) {
      const __m256i part_codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
      const __m256i raised = _mm256_xor_si256(part_codes, _mm256_set1_epi8(static_cast<char>(0x80)));
      const __m128i sums = _mm256_cvtepi64_epi32(_mm256_sad_epu8(raised, _mm256_setzero_si256()));
      const __m128i starts = _mm_mullo_epi32(_mm_sub_epi32(sums, _mm_set1_epi32(8 * 128)), _mm_set1_epi32(-offset));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), part_codes);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 32), starts);
    }
    __builtin_memcpy(to, &scales[b], 4);
    to += Column::kBytes - 8 * Column::kPartBytes;
  }
}

template <class Source>
HEARTH_INLINE constexpr FillFn find_fill_fn() {
  using Column = typename ColumnOf<Source>::Type;
  if constexpr (Source::kBlock == 256) {
    if constexpr (Column::kStarts == 4) return fill_eighths<Source>;
  }
  return Column::fill;
}

/// Few columns by Format, many by panels unpacked from Many. Nine and more columns make tiles of four at least.
template <class Format, class Many>
void matmul_formats(const MatmulCall& call, UnpackFn unpack) {
  using Panel = typename PanelOf<Many>::Type;
  if (call.x.m <= kFewColumns) {
    const std::size_t at_once = call.x.m == 1 ? kStreamsAtOnce<Format> : call.x.m <= kPairedColumns ? 2 : 1;
    few_columns<Format>(call, find_fill_fn<Format>(), kFewColumns, at_once, find_format_fn<Format>);
  } else {
    many_columns<Panel>(call, Many::kOffset, unpack, find_fill_fn<Panel>(), kMaxColumns, 2, find_panel_fn<Panel, 4>);
  }
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END
