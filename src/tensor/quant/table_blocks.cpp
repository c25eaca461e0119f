// Taking the formats with sixteen table values apart.
#include "tensor/quant/table_blocks.h"

#include <bit>

#include "tensor/half.h"

namespace hearth::quant {

namespace {

/// n_bytes of nibble pairs: element j low, element j + n_bytes high.
void look_up_nibbles(const std::uint8_t* qs, int n_bytes, const std::int8_t (&values)[16], std::int8_t* codes) {
  for (int j = 0; j < n_bytes; ++j) {
    codes[j] = values[qs[j] & 15];
    codes[j + n_bytes] = values[qs[j] >> 4];
  }
}

/// Half of 2^(e - 127): a subnormal float for e < 2.
float half_e8m0(std::uint8_t e) {
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : static_cast<std::uint32_t>(e - 1) << 23);
}

/// Half of an UE4M3 number: exact.
float half_ue4m3(std::uint8_t bits) {
  if (bits == 0x7f) return 0;
  const int exponent = bits >> 3 & 15;
  const int mantissa = bits & 7;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return static_cast<float>((8 + mantissa) << (exponent - 1)) * 0x1p-10f;
}

}  // namespace

void unpack_block(const BlockIQ4_NL& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = 0;
  look_up_nibbles(block.qs, 16, kValuesIQ4, out.codes);
}

void unpack_block(const BlockIQ4_XS& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  out.dmin = 0;
  for (auto& minimum : out.min) minimum = 0;
  for (int i = 0; i < 8; ++i) {
    const int low = block.scales_l[i / 2] >> 4 * (i % 2) & 15;
    const int high = block.scales_h >> 2 * i & 3;
    out.scale[2 * i] = out.scale[2 * i + 1] = static_cast<std::int16_t>((low | high << 4) - 32);
    look_up_nibbles(block.qs + 16 * i, 16, kValuesIQ4, out.codes + 32 * i);
  }
}

void unpack_block(const BlockMXFP4& block, Codes32& out) {
  out.d = half_e8m0(block.e);
  out.m = 0;
  look_up_nibbles(block.qs, 16, kValuesE2M1, out.codes);
}

void unpack_block(const BlockNVFP4& block, Codes64& out) {
  for (int i = 0; i < 4; ++i) {
    out.d[i] = half_ue4m3(block.d[i]);
    look_up_nibbles(block.qs + 8 * i, 8, kValuesE2M1, out.codes + 16 * i);
  }
}

}  // namespace hearth::quant
