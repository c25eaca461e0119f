// Unpacking through the scalar codecs, one row and block at a time: every format, at the price of their speed.
#include "kernels/neon/unpack.h"

#include <cstring>

#include "tensor/quant/codec.h"

#if defined(__aarch64__)
namespace hearth::kernels::neon {

namespace {

/// Element e of row r stands at [e / 4][r][e % 4].
void place_codes(const std::int8_t* codes, std::size_t n, std::size_t row, std::byte* to) {
  for (std::size_t u = 0; u < n / 4; ++u) std::memcpy(to + 64 * u + 4 * row, codes + 4 * u, 4);
}

void place(const Codes32& codes, std::size_t row, std::byte* to) {
  auto* floats = reinterpret_cast<float*>(to);
  floats[row] = codes.d;
  floats[16 + row] = codes.m;
  place_codes(codes.codes, 32, row, to + 128);
}

void place(const Codes256& codes, std::size_t row, std::byte* to) {
  auto* floats = reinterpret_cast<float*>(to);
  floats[row] = codes.d;
  floats[16 + row] = codes.dmin;
  auto* scales = reinterpret_cast<std::int16_t*>(to + 128);
  for (std::size_t g = 0; g < 16; ++g) {
    scales[16 * g + row] = codes.scale[g];
    scales[256 + 16 * g + row] = codes.min[g];
  }
  place_codes(codes.codes, 256, row, to + 1152);
}

}  // namespace

void unpack_panel(const PackedMatrix& w, std::size_t panel, std::byte* to) {
  const QuantCodec& codec = *find_codec(w.type);
  const bool small = codec.form == CodesForm::k32;
  const std::size_t n_blocks = w.k / (small ? 32 : 256);
  const std::byte* from = w.panel(panel);
  std::byte block[kMaxBlockBytes];
  for (std::size_t b = 0; b < n_blocks; ++b) {
    for (std::size_t row = 0; row < kPanelRows; ++row) {
      unpack_block(w.type, from + b * panel_block_bytes(w.type), row, block);
      if (small) {
        Codes32 codes;
        codec.unpack_codes32(block, &codes, 1);
        place(codes, row, to + b * kUnpacked32Bytes);
      } else {
        Codes256 codes;
        codec.unpack_codes256(block, &codes, 1);
        place(codes, row, to + b * kUnpacked256Bytes);
      }
    }
  }
}

}  // namespace hearth::kernels::neon
#endif
