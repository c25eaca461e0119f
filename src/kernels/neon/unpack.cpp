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

void place(const Codes64& codes, std::size_t row, std::byte* to) {
  auto* floats = reinterpret_cast<float*>(to);
  for (std::size_t g = 0; g < 4; ++g) floats[16 * g + row] = codes.d[g];
  place_codes(codes.codes, 64, row, to + 256);
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

void take_apart(const QuantCodec& codec, const std::byte* block, Codes32& codes) {
  codec.unpack_codes32(block, &codes, 1);
}
void take_apart(const QuantCodec& codec, const std::byte* block, Codes64& codes) {
  codec.unpack_codes64(block, &codes, 1);
}
void take_apart(const QuantCodec& codec, const std::byte* block, Codes256& codes) {
  codec.unpack_codes256(block, &codes, 1);
}

template <typename Codes>
void unpack_as(const QuantCodec& codec, const PackedMatrix& w, std::size_t panel, std::size_t unpacked_bytes,
               std::byte* to) {
  const std::byte* from = w.panel(panel);
  std::byte block[kMaxBlockBytes];
  for (std::size_t b = 0; b < w.k / Codes::kLen; ++b) {
    for (std::size_t row = 0; row < kPanelRows; ++row) {
      Codes codes;
      unpack_block(w.type, from + b * panel_block_bytes(w.type), row, block);
      take_apart(codec, block, codes);
      place(codes, row, to + b * unpacked_bytes);
    }
  }
}

}  // namespace

void unpack_panel(const PackedMatrix& w, std::size_t panel, std::byte* to) {
  const QuantCodec& codec = *find_codec(w.type);
  if (codec.form == CodesForm::k32) return unpack_as<Codes32>(codec, w, panel, kUnpacked32Bytes, to);
  if (codec.form == CodesForm::k64) return unpack_as<Codes64>(codec, w, panel, kUnpacked64Bytes, to);
  unpack_as<Codes256>(codec, w, panel, kUnpacked256Bytes, to);
}

}  // namespace hearth::kernels::neon
#endif
