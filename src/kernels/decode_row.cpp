// Decoding one row of a packed matrix: embeddings are read from the same panels that the matrix product uses.
#include <algorithm>
#include <cstring>

#include "kernels/layout.h"
#include "tensor/quant/codec.h"

namespace hearth::kernels {

namespace {

/// Plain floats lie as [k][16 rows].
void decode_plain(const DTypeInfo& info, const QuantCodec& codec, const std::byte* panel, std::size_t row,
                  std::size_t k, float* out) {
  const std::size_t unit = info.block_bytes;
  std::byte chunk[256 * sizeof(float)];
  for (std::size_t first = 0; first < k; first += 256) {
    const std::size_t n = std::min<std::size_t>(256, k - first);
    for (std::size_t i = 0; i < n; ++i) {
      std::memcpy(chunk + i * unit, panel + ((first + i) * kPanelRows + row) * unit, unit);
    }
    codec.decode(chunk, out + first, n);
  }
}

}  // namespace

void decode_row(const PackedMatrix& matrix, std::size_t row, float* out) {
  const DTypeInfo& info = dtype_info(matrix.type);
  const QuantCodec& codec = *find_codec(matrix.type);
  const std::byte* panel = matrix.panel(row / kPanelRows);
  if (info.block_len == 1) {
    decode_plain(info, codec, panel, row % kPanelRows, matrix.k, out);
    return;
  }
  std::byte block[kMaxBlockBytes];
  for (std::size_t b = 0; b < matrix.k / info.block_len; ++b) {
    unpack_block(matrix.type, panel + b * panel_block_bytes(matrix.type), row % kPanelRows, block);
    codec.decode(block, out + b * info.block_len, info.block_len);
  }
}

}  // namespace hearth::kernels
