// Panels of formats that an instruction set has no reader for: the scalar codec takes each row's block apart, and the
// codes are laid out as every unpacked panel has them, units [n / 4][16 rows][4].
#pragma once

#include "kernels/layout.h"
#include "tensor/quant/codec.h"

namespace hearth::kernels {

/// n codes of row `row`, each with the bits of `flip` inverted (0x80 raises an int8 to an unsigned byte).
inline void write_units(const std::int8_t* codes, std::size_t n, std::size_t row, std::uint8_t flip, std::byte* units) {
  for (std::size_t e = 0; e < n; e += 4, units += 4 * kPanelRows) {
    for (std::size_t i = 0; i < 4; ++i) {
      units[4 * row + i] = static_cast<std::byte>(static_cast<std::uint8_t>(codes[e + i]) ^ flip);
    }
  }
}

/// The value of one row among 16.
template <typename T>
void write_lane(T value, std::size_t row, std::byte* lanes) {
  __builtin_memcpy(lanes + row * sizeof(T), &value, sizeof(T));
}

/// Calls write(codes, row, block index) for every block of panel `panel_idx`.
template <class Codes, class Write>
void for_each_block(const PackedMatrix& w, std::size_t panel_idx, void (*take_apart)(const void*, Codes*, std::size_t),
                    const Write& write) {
  const std::size_t block_bytes = panel_block_bytes(w.type);
  const std::byte* panel = w.panel(panel_idx);
  Codes codes;
  std::byte block[kMaxBlockBytes];
  for (std::size_t b = 0; b < w.k / Codes::kLen; ++b) {
    for (std::size_t row = 0; row < kPanelRows; ++row) {
      unpack_block(w.type, panel + b * block_bytes, row, block);
      take_apart(block, &codes, 1);
      write(codes, row, b);
    }
  }
}

}  // namespace hearth::kernels
