// How a weight matrix lies in memory for the kernels: panels of 16 rows, each field of a block interleaved over the
// rows.
//
// A panel holds, for each block along K, the 16 rows' blocks with their fields transposed: field by field, element by
// element, row by row. So one 64-byte load gives the same four bytes of codes for 16 rows: the lanes are outputs.
// Fields follow each other in the order in which the kernels first touch them, since memory is read fastest front to
// back. The bits are a permutation of the file's bits (no expansion, no rounding); unpack is the exact inverse. So:
//
//   Q4_0 (288 B)    d f16[16] | q u32[4][16]: word u of a row has elements 4u.. in its low nibbles, 16+4u.. in its high
//   Q8_0 (544 B)    d f16[16] | q i8[8][16][4]
//   Q6_K (3360 B)   d f16[16] | scales i8[16][16] | for each 128 elements three times u32[8][16]: low nibbles of
//                   elements 0..31 and 64..95, all high bits, the other low nibbles
//   F32, F16, BF16  one element per k: [k][16]
//
// Q4_K and Q5_K keep 6-bit scales and minima as planes (layout.cpp), Q5 types their fifth bits as one 64-bit mask per
// four k: bit 4r+i is the high bit of element 4u+i of row r. Types without a row in the layout table: whole blocks,
// [block][16 rows].
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace hearth::kernels {

inline constexpr std::size_t kPanelRows = 16;
inline constexpr std::size_t kMaxBlockBytes = 320;  // of one row's block; the largest is Q8_K's 292

/// Names this way of packing, which all kernel tables share. Packed weights are kept in files: raise it whenever a
/// type's packed bytes change.
inline constexpr std::uint32_t kPanelLayout = 2;

/// True for types a matrix product accepts: F32, F16, BF16 and all block formats.
bool is_matrix_type(DType type);

/// Bytes of one panel: 16 rows of k elements.
std::size_t panel_bytes(DType type, std::size_t k);
/// Bytes of one block of a panel (16 rows x block_len elements).
std::size_t panel_block_bytes(DType type);

/// Packs n_rows (1..16) rows of k elements, row_stride bytes apart, into one panel; missing rows become zero bytes.
void pack_panel(DType type, std::size_t k, const std::byte* rows, std::size_t row_stride, std::size_t n_rows,
                std::byte* panel);
/// Restores the file's block of one row: block_bytes bytes.
void unpack_block(DType type, const std::byte* panel_block, std::size_t row, std::byte* block);

/// A packed matrix as the kernels see it: n rows (outputs) of k elements, ceil(n / 16) panels.
struct PackedMatrix {
  DType type = DType::kF32;
  std::size_t n = 0;
  std::size_t k = 0;
  const std::byte* panels = nullptr;
  [[nodiscard]] std::size_t n_panels() const { return (n + kPanelRows - 1) / kPanelRows; }
  [[nodiscard]] const std::byte* panel(std::size_t idx) const { return panels + idx * panel_bytes(type, k); }
};

/// Decodes row `row` of the matrix to k floats, equal to decoding the file's row.
void decode_row(const PackedMatrix& matrix, std::size_t row, float* out);

}  // namespace hearth::kernels
