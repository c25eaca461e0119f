// Panels: table-driven field interleaving and its inverse.
#include "kernels/layout.h"

#include <cstring>

namespace hearth::kernels {

namespace {

enum class Form : std::uint8_t {
  kUnits,        // `count` units of `unit` bytes, stored as [count][16 rows][unit]
  kScalePlanes,  // K-quant 6-bit scales and minima: 12 bytes a row
  kFifthBits32,  // 32 fifth bits in 4 bytes, bit j = element j
  kFifthBits64,  // 64 of 256 fifth bits in 32 bytes, from element 32 * first on: bit s of byte l = element 32 s + l
};

/// What stands at `offset` of a file's block.
struct Field {
  std::uint16_t offset = 0, unit = 0, count = 0;
  Form form = Form::kUnits;
  std::uint8_t first = 0;
};

/// The fields in the order in which kernels first touch them: reading from memory is up to a fifth slower in another.
struct Layout {
  DType type;
  Field fields[11];
};

constexpr Field scale_planes(std::uint16_t offset) {
  return {.offset = offset, .form = Form::kScalePlanes};
}
constexpr Field fifth_bits_32(std::uint16_t offset) {
  return {.offset = offset, .form = Form::kFifthBits32};
}
constexpr Field fifth_bits_64(std::uint16_t offset, std::uint8_t first) {
  return {.offset = offset, .form = Form::kFifthBits64, .first = first};
}

constexpr Layout kLayouts[] = {
    {DType::kF32, {{0, 4, 1}}},
    {DType::kF16, {{0, 2, 1}}},
    {DType::kBF16, {{0, 2, 1}}},
    {DType::kQ4_0, {{0, 2, 1}, {2, 4, 4}}},
    {DType::kQ4_1, {{0, 2, 1}, {2, 2, 1}, {4, 4, 4}}},
    {DType::kQ5_0, {{0, 2, 1}, fifth_bits_32(2), {6, 4, 4}}},
    {DType::kQ5_1, {{0, 2, 1}, {2, 2, 1}, fifth_bits_32(4), {8, 4, 4}}},
    {DType::kQ8_0, {{0, 2, 1}, {2, 4, 8}}},
    {DType::kIQ4_NL, {{0, 2, 1}, {2, 4, 4}}},
    {DType::kMXFP4, {{0, 1, 1}, {1, 4, 4}}},
    {DType::kQ2_K, {{80, 2, 1}, {82, 2, 1}, {0, 1, 16}, {16, 4, 16}}},
    {DType::kQ3_K, {{108, 2, 1}, {96, 1, 12}, {32, 4, 8}, {0, 4, 8}, {64, 4, 8}}},
    {DType::kQ4_K, {{0, 2, 1}, {2, 2, 1}, scale_planes(4), {16, 4, 32}}},
    {DType::kQ5_K,
     {{0, 2, 1},
      {2, 2, 1},
      scale_planes(4),
      fifth_bits_64(16, 0),
      {48, 4, 8},
      fifth_bits_64(16, 2),
      {80, 4, 8},
      fifth_bits_64(16, 4),
      {112, 4, 8},
      fifth_bits_64(16, 6),
      {144, 4, 8}}},
    {DType::kQ6_K,
     {{208, 2, 1}, {192, 1, 16}, {0, 4, 8}, {128, 4, 8}, {32, 4, 8}, {64, 4, 8}, {160, 4, 8}, {96, 4, 8}}},
    {DType::kIQ4_XS, {{0, 2, 1}, {2, 2, 1}, {4, 1, 4}, {8, 4, 32}}},
    {DType::kTQ2_0, {{64, 2, 1}, {0, 4, 16}}},
    {DType::kNVFP4, {{0, 1, 4}, {4, 4, 8}}},
};

/// Types without a row in the table: whole blocks.
Layout layout_of(DType type) {
  for (const Layout& layout : kLayouts) {
    if (layout.type == type) return layout;
  }
  return {type, {{0, static_cast<std::uint16_t>(dtype_info(type).block_bytes), 1}}};
}

// Packing takes the 16 rows' blocks together, since it decides how fast a model loads; unpacking takes one row.

/// The same block of up to 16 rows.
struct Blocks {
  const std::byte* first = nullptr;
  std::size_t stride_bytes = 0;  // from row to row
  std::size_t n_rows = 0;
  [[nodiscard]] const std::byte* row(std::size_t idx) const { return first + idx * stride_bytes; }
};

template <std::size_t unit>
void pack_units(const Blocks& blocks, std::size_t count, std::byte* panel) {
  for (std::size_t row = 0; row < blocks.n_rows; ++row) {
    const std::byte* from = blocks.row(row);
    std::byte* to = panel + row * unit;
    for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * kPanelRows * unit, from + i * unit, unit);
  }
}

/// As pack_units for all 16 rows. Four perfect shuffles of [16 rows][n units] give [n units][16 rows].
template <typename Unit>
void pack_wide(const Blocks& blocks, std::size_t count, std::byte* panel) {
  typedef Unit Wide __attribute__((vector_size(16)));
  constexpr std::size_t kUnits = sizeof(Wide) / sizeof(Unit);
  for (std::size_t at = 0; at < count; at += kUnits, panel += kPanelRows * sizeof(Wide)) {
    Wide x[kPanelRows], y[kPanelRows];
    for (std::size_t row = 0; row < kPanelRows; ++row)
      std::memcpy(&x[row], blocks.row(row) + at * sizeof(Unit), sizeof(Wide));
    for (int shuffle = 0; shuffle < 4; ++shuffle) {
      for (std::size_t i = 0; i < kPanelRows / 2; ++i) {
        const Wide a = x[i], b = x[i + kPanelRows / 2];
        if constexpr (kUnits == 4) {
          y[2 * i] = __builtin_shufflevector(a, b, 0, 4, 1, 5);
          y[2 * i + 1] = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        } else if constexpr (kUnits == 8) {
          y[2 * i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
          y[2 * i + 1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
        } else {
          y[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
          y[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
      }
      std::memcpy(x, y, sizeof x);
    }
    std::memcpy(panel, x, sizeof x);
  }
}

template <typename Unit>
void pack_elements(const Blocks& blocks, std::size_t count, std::byte* panel) {
  const std::size_t wide = blocks.n_rows == kPanelRows ? count - count % (16 / sizeof(Unit)) : 0;
  pack_wide<Unit>(blocks, wide, panel);
  const Blocks rest = {blocks.first + wide * sizeof(Unit), blocks.stride_bytes, blocks.n_rows};
  pack_units<sizeof(Unit)>(rest, count - wide, panel + wide * sizeof(Unit) * kPanelRows);
}

void pack_any_units(const Field& field, const Blocks& blocks, std::byte* panel) {
  switch (field.unit) {
    case 0: break;  // an unused place of the table
    case 1: pack_elements<std::uint8_t>(blocks, field.count, panel); break;
    case 2: pack_elements<std::uint16_t>(blocks, field.count, panel); break;
    case 4: pack_elements<std::uint32_t>(blocks, field.count, panel); break;
    default:  // a whole block; count is 1
      for (std::size_t row = 0; row < blocks.n_rows; ++row)
        std::memcpy(panel + row * field.unit, blocks.row(row), field.unit);
  }
}

void unpack_units(const Field& field, const std::byte* panel, std::size_t row, std::byte* to) {
  for (std::size_t i = 0; i < field.count; ++i)
    std::memcpy(to + i * field.unit, panel + (i * kPanelRows + row) * field.unit, field.unit);
}

std::uint32_t load_word(const std::byte* p) {
  std::uint32_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

void store_word(std::uint32_t word, std::byte* p) {
  std::memcpy(p, &word, sizeof word);
}

/// Four bytes of one row, [4][16 rows] in the panel.
void store_plane(std::uint32_t word, std::byte* panel) {
  for (std::size_t p = 0; p < 4; ++p) panel[p * kPanelRows] = static_cast<std::byte>(word >> 8 * p);
}

std::uint32_t load_plane(const std::byte* panel) {
  std::uint32_t word = 0;
  for (std::size_t p = 0; p < 4; ++p) word |= static_cast<std::uint32_t>(panel[p * kPanelRows]) << 8 * p;
  return word;
}

// File: 12 bytes s[12]; for j < 4: scale_j = s[j] & 63, min_j = s[j+4] & 63; for j >= 4: scale_j = (s[j+4] & 15) |
// (s[j-4] >> 6) << 4, min_j = (s[j+4] >> 4) | (s[j] >> 6) << 4.
// Panel (192 B): lo[2][4][16] u8: [0] scales, [1] minima; low nibble = index p, high nibble = index p + 4 (low 4 bits);
// hi[4][16] u8: bits 0-1 scale p, 2-3 scale p+4, 4-5 min p, 6-7 min p+4 (their high 2 bits).
// Both ways are nibbles changing places, four p at once.
constexpr std::uint32_t kLowNibbles = 0x0f0f0f0f, kHighNibbles = 0xf0f0f0f0;
constexpr std::size_t kMinimaAt = 64, kHighAt = 128, kScalePlanesBytes = 192;

void pack_scale_planes(const Blocks& blocks, std::byte* panel) {
  for (std::size_t row = 0; row < blocks.n_rows; ++row) {
    const std::byte* s = blocks.row(row);
    const std::uint32_t a = load_word(s), b = load_word(s + 4), c = load_word(s + 8);
    store_plane((a & kLowNibbles) | (c & kLowNibbles) << 4, panel + row);
    store_plane((b & kLowNibbles) | (c & kHighNibbles), panel + kMinimaAt + row);
    store_plane((a >> 4 & kLowNibbles) | (b & kHighNibbles), panel + kHighAt + row);
  }
}

void unpack_scale_planes(const std::byte* panel, std::size_t row, std::byte* s) {
  const std::uint32_t scales = load_plane(panel + row), minima = load_plane(panel + kMinimaAt + row),
                      high = load_plane(panel + kHighAt + row);
  store_word((scales & kLowNibbles) | (high & kLowNibbles) << 4, s);
  store_word((minima & kLowNibbles) | (high & kHighNibbles), s + 4);
  store_word((scales >> 4 & kLowNibbles) | (minima & kHighNibbles), s + 8);
}

// Fifth bits: bit 4 row + e % 4 of the 64-bit mask e / 4 belongs to element e, so a byte of a mask serves two rows.
// `bits` holds bits 0, 8, 16, 24 for one row and 4, 12, 20, 28 for the other; the product gathers them in bits 21..28
// (source bits 4 apart, factors 7 apart: no two land on the same place).
std::byte mask_byte(std::uint64_t bits) {
  return static_cast<std::byte>(bits * 0x00204081 >> 21);
}

void pack_fifth_bits_32(const Blocks& blocks, std::byte* panel) {
  for (std::size_t row = 0; row < blocks.n_rows; row += 2) {
    const std::uint32_t even = load_word(blocks.row(row));
    const std::uint32_t odd = row + 1 < blocks.n_rows ? load_word(blocks.row(row + 1)) : 0;
    for (std::size_t u = 0; u < 8; ++u)
      panel[8 * u + row / 2] = static_cast<std::byte>((even >> 4 * u & 15) | (odd >> 4 * u & 15) << 4);
  }
}

void unpack_fifth_bits_32(const std::byte* panel, std::size_t row, std::byte* bits) {
  std::uint32_t word = 0;
  for (std::size_t u = 0; u < 8; ++u)
    word |= (static_cast<std::uint32_t>(panel[8 * u + row / 2]) >> row % 2 * 4 & 15) << 4 * u;
  store_word(word, bits);
}

void pack_fifth_bits_64(const Blocks& blocks, std::size_t first, std::byte* panel) {
  constexpr std::uint32_t kOnes = 0x01010101;
  for (std::size_t row = 0; row < blocks.n_rows; row += 2) {
    for (std::size_t l = 0; l < 8; ++l) {  // bit s of these four bytes: elements 32 s + 4 l .. + 3
      const std::uint32_t even = load_word(blocks.row(row) + 4 * l) >> first;
      const std::uint32_t odd = row + 1 < blocks.n_rows ? load_word(blocks.row(row + 1) + 4 * l) >> first : 0;
      for (std::size_t s = 0; s < 2; ++s)
        panel[8 * (8 * s + l) + row / 2] = mask_byte((even >> s & kOnes) | (odd >> s & kOnes) << 4);
    }
  }
}

void unpack_fifth_bits_64(const std::byte* panel, std::size_t row, std::size_t first, std::byte* bits) {
  for (std::size_t e = 0; e < 64; ++e) {
    const auto mask = static_cast<unsigned>(panel[e / 4 * 8 + row / 2]);
    bits[e % 32] |= static_cast<std::byte>((mask >> (row % 2 * 4 + e % 4) & 1) << (first + e / 32));
  }
}

std::size_t field_bytes(const Field& field) {
  switch (field.form) {
    case Form::kUnits: return std::size_t{field.unit} * field.count * kPanelRows;
    case Form::kScalePlanes: return kScalePlanesBytes;
    case Form::kFifthBits32: return 64;
    case Form::kFifthBits64: return 128;
  }
  return 0;
}

void pack_field(const Field& field, Blocks blocks, std::byte* panel) {
  blocks.first += field.offset;
  switch (field.form) {
    case Form::kUnits: pack_any_units(field, blocks, panel); break;
    case Form::kScalePlanes: pack_scale_planes(blocks, panel); break;
    case Form::kFifthBits32: pack_fifth_bits_32(blocks, panel); break;
    case Form::kFifthBits64: pack_fifth_bits_64(blocks, field.first, panel); break;
  }
}

void unpack_field(const Field& field, const std::byte* panel, std::size_t row, std::byte* block) {
  block += field.offset;
  switch (field.form) {
    case Form::kUnits: unpack_units(field, panel, row, block); break;
    case Form::kScalePlanes: unpack_scale_planes(panel, row, block); break;
    case Form::kFifthBits32: unpack_fifth_bits_32(panel, row, block); break;
    case Form::kFifthBits64: unpack_fifth_bits_64(panel, row, field.first, block); break;
  }
}

}  // namespace

bool is_matrix_type(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || dtype_info(type).quantized();
}

std::size_t panel_block_bytes(DType type) {
  return dtype_info(type).block_bytes * kPanelRows;
}

std::size_t panel_bytes(DType type, std::size_t k) {
  return row_bytes(type, k) * kPanelRows;
}

void pack_panel(DType type, std::size_t k, const std::byte* rows, std::size_t row_stride, std::size_t n_rows,
                std::byte* panel) {
  if (n_rows < kPanelRows) std::memset(panel, 0, panel_bytes(type, k));
  const DTypeInfo& info = dtype_info(type);
  Blocks blocks{rows, row_stride, n_rows};
  if (info.block_len == 1) {  // one field over the whole row
    (info.block_bytes == 2 ? pack_elements<std::uint16_t> : pack_elements<std::uint32_t>)(blocks, k, panel);
    return;
  }
  const Layout layout = layout_of(type);
  for (std::size_t b = 0; b < k / info.block_len; ++b, blocks.first += info.block_bytes) {
    for (const Field& field : layout.fields) {
      pack_field(field, blocks, panel);
      panel += field_bytes(field);
    }
  }
}

void unpack_block(DType type, const std::byte* panel_block, std::size_t row, std::byte* block) {
  std::memset(block, 0, dtype_info(type).block_bytes);
  const Layout layout = layout_of(type);
  for (const Field& field : layout.fields) {
    unpack_field(field, panel_block, row, block);
    panel_block += field_bytes(field);
  }
}

}  // namespace hearth::kernels
