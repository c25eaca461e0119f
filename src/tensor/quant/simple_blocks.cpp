// Taking the evenly spaced 32-element formats apart.
#include "tensor/quant/simple_blocks.h"

#include <cstring>

#include "tensor/half.h"

namespace hearth::quant {

namespace {

/// Nibble pairs -> 32 codes, each lowered by `offset`.
void unpack_nibbles(const std::uint8_t (&qs)[16], int offset, std::int8_t (&codes)[32]) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = static_cast<std::int8_t>((qs[j] & 15) - offset);
    codes[j + 16] = static_cast<std::int8_t>((qs[j] >> 4) - offset);
  }
}

/// Adds 16 where the element's bit in qh is set.
void add_fifth_bit(const std::uint8_t (&qh)[4], std::int8_t (&codes)[32]) {
  for (int e = 0; e < 32; ++e) codes[e] = static_cast<std::int8_t>(codes[e] + ((qh[e / 8] >> e % 8 & 1) << 4));
}

}  // namespace

void unpack_block(const BlockQ4_0& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = 0;
  unpack_nibbles(block.qs, 8, out.codes);
}

void unpack_block(const BlockQ4_1& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = f16_to_f32(block.m);
  unpack_nibbles(block.qs, 0, out.codes);
}

void unpack_block(const BlockQ5_0& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = 0;
  unpack_nibbles(block.qs, 16, out.codes);
  add_fifth_bit(block.qh, out.codes);
}

void unpack_block(const BlockQ5_1& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = f16_to_f32(block.m);
  unpack_nibbles(block.qs, 0, out.codes);
  add_fifth_bit(block.qh, out.codes);
}

void unpack_block(const BlockQ8_0& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = 0;
  std::memcpy(out.codes, block.qs, sizeof out.codes);
}

void unpack_block(const BlockQ8_1& block, Codes32& out) {
  out.d = f16_to_f32(block.d);
  out.m = 0;
  std::memcpy(out.codes, block.qs, sizeof out.codes);
}

}  // namespace hearth::quant
