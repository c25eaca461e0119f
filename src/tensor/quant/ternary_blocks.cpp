// Taking the ternary formats apart.
#include "tensor/quant/ternary_blocks.h"

#include "tensor/half.h"

namespace hearth::quant {

namespace {

void start(std::uint16_t d, Codes256& out) {
  out.d = f16_to_f32(d);
  out.dmin = 0;
  for (int i = 0; i < 16; ++i) {
    out.scale[i] = 1;
    out.min[i] = 0;
  }
}

/// n_digits * n_bytes codes: digit 0 of every byte, then digit 1, ...
std::int8_t* unpack_base3(const std::uint8_t* bytes, int n_bytes, int n_digits, std::int8_t* codes) {
  constexpr int kPowers[5] = {1, 3, 9, 27, 81};
  for (int n = 0; n < n_digits; ++n) {
    for (int j = 0; j < n_bytes; ++j) {
      const int fraction = bytes[j] * kPowers[n] & 255;
      *codes++ = static_cast<std::int8_t>((fraction * 3 >> 8) - 1);
    }
  }
  return codes;
}

}  // namespace

void unpack_block(const BlockTQ1_0& block, Codes256& out) {
  start(block.d, out);
  std::int8_t* codes = unpack_base3(block.qs, 32, 5, out.codes);
  codes = unpack_base3(block.qs + 32, 16, 5, codes);
  unpack_base3(block.qh, 4, 4, codes);
}

void unpack_block(const BlockTQ2_0& block, Codes256& out) {
  start(block.d, out);
  for (int g = 0; g < 8; ++g) {
    const std::uint8_t* bytes = block.qs + 32 * (g / 4);
    const int shift = 2 * (g % 4);
    for (int i = 0; i < 32; ++i) out.codes[32 * g + i] = static_cast<std::int8_t>((bytes[i] >> shift & 3) - 1);
  }
}

}  // namespace hearth::quant
