// Panels: table-driven field interleaving and its inverse.
#include "kernels/layout.h"

#include <cstring>

namespace hearth::kernels {

namespace {

/// `count` elements of `unit` bytes at `offset` of a file's block, stored as [count][16 rows][unit].
struct Field {
  std::uint16_t offset, unit, count;
};

enum class Special : std::uint8_t {
  kNone,
  kScalePlanes,  // K-quant 6-bit scales and minima: 12 bytes a row
  kHighBits32,   // 32 fifth bits in 4 bytes, bit j = element j
  kHighBits256,  // 256 fifth bits in 32 bytes: bit s of byte l = element 32 s + l
};

struct SpecialField {
  Special kind = Special::kNone;
  std::uint16_t offset = 0;
};

/// The panel stores `lead` fields, then the special field, then `rest` fields.
struct Layout {
  DType type;
  Field lead[2];
  SpecialField special;
  Field rest[3];
};

constexpr Layout kLayouts[] = {
    {DType::kF32, {{0, 4, 1}}, {}, {}},
    {DType::kF16, {{0, 2, 1}}, {}, {}},
    {DType::kBF16, {{0, 2, 1}}, {}, {}},
    {DType::kQ4_0, {{0, 2, 1}}, {}, {{2, 4, 4}}},
    {DType::kQ4_1, {{0, 2, 1}, {2, 2, 1}}, {}, {{4, 4, 4}}},
    {DType::kQ5_0, {{0, 2, 1}}, {Special::kHighBits32, 2}, {{6, 4, 4}}},
    {DType::kQ5_1, {{0, 2, 1}, {2, 2, 1}}, {Special::kHighBits32, 4}, {{8, 4, 4}}},
    {DType::kQ8_0, {{0, 2, 1}}, {}, {{2, 4, 8}}},
    {DType::kIQ4_NL, {{0, 2, 1}}, {}, {{2, 4, 4}}},
    {DType::kMXFP4, {{0, 1, 1}}, {}, {{1, 4, 4}}},
    {DType::kQ2_K, {{80, 2, 1}, {82, 2, 1}}, {}, {{0, 1, 16}, {16, 4, 16}}},
    {DType::kQ3_K, {{108, 2, 1}}, {}, {{96, 1, 12}, {32, 4, 16}, {0, 4, 8}}},
    {DType::kQ4_K, {{0, 2, 1}, {2, 2, 1}}, {Special::kScalePlanes, 4}, {{16, 4, 32}}},
    {DType::kQ6_K, {{208, 2, 1}}, {}, {{192, 1, 16}, {0, 4, 32}, {128, 4, 16}}},
    {DType::kIQ4_XS, {{0, 2, 1}, {2, 2, 1}}, {}, {{4, 1, 4}, {8, 4, 32}}},
    {DType::kTQ2_0, {{64, 2, 1}}, {}, {{0, 4, 16}}},
    {DType::kNVFP4, {{0, 1, 4}}, {}, {{4, 4, 8}}},
};
// Q5_K has two special fields; it is Q4_K's layout with the high bits between planes and codes.
constexpr Layout kQ5KFront = {DType::kQ5_K, {{0, 2, 1}, {2, 2, 1}}, {Special::kScalePlanes, 4}, {}};
constexpr Layout kQ5KBack = {DType::kQ5_K, {}, {Special::kHighBits256, 16}, {{48, 4, 32}}};

const Layout* find_layout(DType type) {
  for (const Layout& layout : kLayouts) {
    if (layout.type == type) return &layout;
  }
  return nullptr;
}

// Each transformer moves one row's bytes between a file block and a panel block and returns the panel bytes of 16 rows.
// `pack` true: block -> panel, which must be zero at first where bits are set one by one.

template <bool pack>
std::size_t move_field(const Field& field, std::byte* block, std::byte* panel, std::size_t row) {
  for (std::size_t i = 0; i < field.count; ++i) {
    std::byte* in_block = block + field.offset + i * field.unit;
    std::byte* in_panel = panel + (i * kPanelRows + row) * field.unit;
    std::memcpy(pack ? in_panel : in_block, pack ? in_block : in_panel, field.unit);
  }
  return std::size_t{field.unit} * field.count * kPanelRows;
}

std::uint8_t get(const std::byte* p) {
  return static_cast<std::uint8_t>(*p);
}

// File: 12 bytes s[12]; for j < 4: scale_j = s[j] & 63, min_j = s[j+4] & 63; for j >= 4: scale_j = (s[j+4] & 15) |
// (s[j-4] >> 6) << 4, min_j = (s[j+4] >> 4) | (s[j] >> 6) << 4.
// Panel (192 B): lo[2][4][16] u8: [0] scales, [1] minima; low nibble = index p, high nibble = index p + 4 (low 4 bits);
// hi[4][16] u8: bits 0-1 scale p, 2-3 scale p+4, 4-5 min p, 6-7 min p+4 (their high 2 bits).
template <bool pack>
std::size_t move_scale_planes(std::byte* s, std::byte* panel, std::size_t row) {
  std::byte* lo = panel + row;
  std::byte* hi = panel + 128 + row;
  for (std::size_t p = 0; p < 4; ++p) {
    std::byte& lo_scale = lo[p * 16];
    std::byte& lo_min = lo[64 + p * 16];
    std::byte& high = hi[p * 16];
    if constexpr (pack) {
      const unsigned scale_a = get(s + p) & 63, min_a = get(s + p + 4) & 63;
      const unsigned scale_b = (get(s + p + 8) & 15) | (get(s + p) >> 6) << 4;
      const unsigned min_b = get(s + p + 8) >> 4 | (get(s + p + 4) >> 6) << 4;
      lo_scale = static_cast<std::byte>((scale_a & 15) | (scale_b & 15) << 4);
      lo_min = static_cast<std::byte>((min_a & 15) | (min_b & 15) << 4);
      high = static_cast<std::byte>(scale_a >> 4 | (scale_b >> 4) << 2 | (min_a >> 4) << 4 | (min_b >> 4) << 6);
    } else {
      const unsigned h = get(&high);
      const unsigned scale_a = (get(&lo_scale) & 15) | (h & 3) << 4, scale_b = get(&lo_scale) >> 4 | (h >> 2 & 3) << 4;
      const unsigned min_a = (get(&lo_min) & 15) | (h >> 4 & 3) << 4, min_b = get(&lo_min) >> 4 | (h >> 6) << 4;
      s[p] = static_cast<std::byte>(scale_a | (scale_b >> 4) << 6);
      s[p + 4] = static_cast<std::byte>(min_a | (min_b >> 4) << 6);
      s[p + 8] = static_cast<std::byte>((scale_b & 15) | (min_b & 15) << 4);
    }
  }
  return 192;
}

// Element e of a row: bit (4 row + e % 4) of the 64-bit mask e / 4.
template <bool pack>
std::size_t move_high_bits(std::byte* bits, std::size_t n, std::byte* panel, std::size_t row) {
  for (std::size_t e = 0; e < n; ++e) {
    const std::size_t byte = n == 32 ? e / 8 : e % 32;
    const std::size_t bit = n == 32 ? e % 8 : e / 32;
    std::byte& in_panel = panel[e / 4 * 8 + (4 * row + e % 4) / 8];
    const std::size_t panel_bit = (4 * row + e % 4) % 8;
    if constexpr (pack) {
      in_panel |= static_cast<std::byte>((get(bits + byte) >> bit & 1) << panel_bit);
    } else {
      bits[byte] |= static_cast<std::byte>((get(&in_panel) >> panel_bit & 1) << bit);
    }
  }
  return n * 2;
}

template <bool pack>
std::size_t move_layout(const Layout& layout, std::byte* block, std::byte* panel, std::size_t row) {
  std::size_t done = 0;
  for (const Field& field : layout.lead) done += move_field<pack>(field, block, panel + done, row);
  switch (layout.special.kind) {
    case Special::kNone: break;
    case Special::kScalePlanes:
      done += move_scale_planes<pack>(block + layout.special.offset, panel + done, row);
      break;
    case Special::kHighBits32:
      done += move_high_bits<pack>(block + layout.special.offset, 32, panel + done, row);
      break;
    case Special::kHighBits256:
      done += move_high_bits<pack>(block + layout.special.offset, 256, panel + done, row);
      break;
  }
  for (const Field& field : layout.rest) done += move_field<pack>(field, block, panel + done, row);
  return done;
}

template <bool pack>
void move_block(DType type, std::byte* block, std::byte* panel_block, std::size_t row) {
  if (type == DType::kQ5_K) {
    const std::size_t front = move_layout<pack>(kQ5KFront, block, panel_block, row);
    move_layout<pack>(kQ5KBack, block, panel_block + front, row);
  } else if (const Layout* layout = find_layout(type)) {
    move_layout<pack>(*layout, block, panel_block, row);
  } else {
    const auto whole = static_cast<std::uint16_t>(dtype_info(type).block_bytes);
    move_field<pack>({0, whole, 1}, block, panel_block, row);
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
  const DTypeInfo& info = dtype_info(type);
  std::memset(panel, 0, panel_bytes(type, k));
  for (std::size_t row = 0; row < n_rows; ++row) {
    for (std::size_t b = 0; b < k / info.block_len; ++b) {
      // move_block reads the block when packing; the cast only serves the shared code.
      auto* block = const_cast<std::byte*>(rows + row * row_stride + b * info.block_bytes);
      move_block<true>(type, block, panel + b * panel_block_bytes(type), row);
    }
  }
}

void unpack_block(DType type, const std::byte* panel_block, std::size_t row, std::byte* block) {
  std::memset(block, 0, dtype_info(type).block_bytes);
  move_block<false>(type, block, const_cast<std::byte*>(panel_block), row);
}

}  // namespace hearth::kernels
