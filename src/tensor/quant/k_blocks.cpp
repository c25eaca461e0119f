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
  for (int e = 0; e < 256; ++e) {
    codes[e] = static_cast<std::int8_t>(qs[32 * (e / 128) + e % 32] >> 2 * (e % 128 / 32) & 3);
  }
}

void unpack_nibbles64(const std::uint8_t (&qs)[128], std::int8_t (&codes)[256]) {
  for (int e = 0; e < 256; ++e) {
    codes[e] = static_cast<std::int8_t>(qs[32 * (e / 64) + e % 32] >> 4 * (e % 64 / 32) & 15);
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
  for (int e = 0; e < 256; ++e) {
    const int third_bit = block.hmask[e % 32] >> e / 32 & 1;
    out.codes[e] = static_cast<std::int8_t>(out.codes[e] + 4 * third_bit - 4);
  }
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
  for (int e = 0; e < 256; ++e) {
    const int fifth_bit = block.qh[e % 32] >> e / 32 & 1;
    out.codes[e] = static_cast<std::int8_t>(out.codes[e] | fifth_bit << 4);
  }
}

void unpack_block(const BlockQ6_K& block, Codes256& out) {
  out.d = f16_to_f32(block.d);
  no_minima(out);
  std::ranges::copy(block.scales, out.scale);
  for (int e = 0; e < 256; ++e) {
    const int half = e / 128;
    const int l = e % 128;
    const int low = block.ql[64 * half + l % 64] >> 4 * (l / 64) & 15;
    const int high = block.qh[32 * half + l % 32] >> 2 * (l / 32) & 3;
    out.codes[e] = static_cast<std::int8_t>((low | high << 4) - 32);
  }
}

void unpack_block(const BlockQ8_K& block, Codes256& out) {
  out.d = block.d;
  no_minima(out);
  std::ranges::fill(out.scale, std::int16_t{1});
  std::memcpy(out.codes, block.qs, sizeof out.codes);
}

}  // namespace hearth::quant
