// Taking the 256-element formats with evenly spaced codes apart.
#include "tensor/quant/k_blocks.h"

#include <algorithm>
#include <cstring>

#include "tensor/half.h"

namespace hearth::quant {

namespace {

void no_minima(Codes256& out) {
  out.dmin = 0;
  std::ranges::fill(out.min, std::int16_t{0});
}

/// Six-bit scales and minima, each covering 32 elements, so written twice.
void unpack_scales6(const PackedScales6& packed, Codes256& out) {
  const std::uint8_t* bytes = packed.bytes;
  for (int i = 0; i < 8; ++i) {
    const int low = i % 4;
    const int scale = i < 4 ? bytes[low] & 63 : (bytes[low + 8] & 15) | bytes[low] >> 6 << 4;
    const int minimum = i < 4 ? bytes[low + 4] & 63 : bytes[low + 8] >> 4 | bytes[low + 4] >> 6 << 4;
    out.scale[2 * i] = out.scale[2 * i + 1] = static_cast<std::int16_t>(scale);
    out.min[2 * i] = out.min[2 * i + 1] = static_cast<std::int16_t>(minimum);
  }
}

void unpack_two_bits(const std::uint8_t (&qs)[64], std::int8_t (&codes)[256]) {
  for (int g = 0; g < 8; ++g) {
    const std::uint8_t* bytes = qs + 32 * (g / 4);
    const int shift = 2 * (g % 4);
    for (int i = 0; i < 32; ++i) codes[32 * g + i] = static_cast<std::int8_t>(bytes[i] >> shift & 3);
  }
}

void unpack_nibbles64(const std::uint8_t (&qs)[128], std::int8_t (&codes)[256]) {
  for (int g = 0; g < 8; ++g) {
    const std::uint8_t* bytes = qs + 32 * (g / 2);
    const int shift = 4 * (g % 2);
    for (int i = 0; i < 32; ++i) codes[32 * g + i] = static_cast<std::int8_t>(bytes[i] >> shift & 15);
  }
}

/// Bit e / 32 of bits[e % 32], times `weight`, is added to every code, and `offset` with it.
void add_bit(const std::uint8_t (&bits)[32], int weight, int offset, std::int8_t (&codes)[256]) {
  for (int g = 0; g < 8; ++g) {
    for (int i = 0; i < 32; ++i) {
      std::int8_t& code = codes[32 * g + i];
      code = static_cast<std::int8_t>(code + (bits[i] >> g & 1) * weight + offset);
    }
  }
}

}  // namespace

void unpack_block(const BlockQ2_K& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  out.dmin = f16_to_f32(block.dmin);
  for (int i = 0; i < 16; ++i) {
    out.scale[i] = block.scales[i] & 15;
    out.min[i] = block.scales[i] >> 4;
  }
  unpack_two_bits(block.qs, out.codes);
}

void unpack_block(const BlockQ3_K& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  no_minima(out);
  for (int i = 0; i < 16; ++i) {
    const int low = block.scales[i % 8] >> 4 * (i / 8) & 15;
    const int high = block.scales[8 + i % 4] >> 2 * (i / 4) & 3;
    out.scale[i] = static_cast<std::int16_t>((low | high << 4) - 32);
  }
  unpack_two_bits(block.qs, out.codes);
  add_bit(block.hmask, 4, -4, out.codes);
}

void unpack_block(const BlockQ4_K& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  out.dmin = f16_to_f32(block.dmin);
  unpack_scales6(block.scales, out);
  unpack_nibbles64(block.qs, out.codes);
}

void unpack_block(const BlockQ5_K& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  out.dmin = f16_to_f32(block.dmin);
  unpack_scales6(block.scales, out);
  unpack_nibbles64(block.qs, out.codes);
  add_bit(block.qh, 16, 0, out.codes);
}

void unpack_block(const BlockQ6_K& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  no_minima(out);
  std::ranges::copy(block.scales, out.scale);
  for (int g = 0; g < 8; ++g) {  // 32 elements; four of them make a half of 128
    const std::uint8_t* ql = block.ql + 64 * (g / 4) + 32 * (g % 2);
    const std::uint8_t* qh = block.qh + 32 * (g / 4);
    const int low_shift = 4 * (g % 4 / 2);
    const int high_shift = 2 * (g % 4);
    for (int i = 0; i < 32; ++i) {
      const int low = ql[i] >> low_shift & 15;
      const int high = qh[i] >> high_shift & 3;
      out.codes[32 * g + i] = static_cast<std::int8_t>((low | high << 4) - 32);
    }
  }
}

void unpack_block(const BlockQ8_K& block, Codes256& out) {
  out.d = block.d;
  no_minima(out);
  std::ranges::fill(out.scale, std::int16_t{1});
  std::memcpy(out.codes, block.qs, sizeof out.codes);
}

}  // namespace hearth::quant
