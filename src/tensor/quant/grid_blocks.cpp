// Taking the grid formats apart: look the index up, apply the signs.
#include "tensor/quant/grid_blocks.h"

#include <bit>
#include <cstring>

#include "tensor/half.h"
#include "tensor/quant/codebooks.h"

namespace hearth::quant {

namespace {

void start(float d, Codes256& out) {
  out.d = d;
  out.dmin = 0;
  for (auto& minimum : out.min) minimum = 0;
}

/// Scale of 32 elements, stored for both groups of 16.
void set_scale32(int group32, unsigned s, Codes256& out) {
  out.scale[2 * group32] = out.scale[2 * group32 + 1] = static_cast<std::int16_t>(2 * s + 1);
}

/// Seven stored signs and the eighth that makes the number of negative elements even.
unsigned with_parity(unsigned seven) {
  return seven | (std::popcount(seven) & 1u) << 7;
}

std::int8_t signed_by(unsigned signs, int i, std::int8_t magnitude) {
  return signs >> i & 1 ? static_cast<std::int8_t>(-magnitude) : magnitude;
}

void write_iq2(unsigned entry, unsigned signs, std::int8_t* codes) {
  for (int i = 0; i < 8; ++i) codes[i] = signed_by(signs, i, kMagnitudesIQ2[entry >> 2 * i & 3]);
}

/// Eight times the value, so that the shift by 1/8 is an integer: 8 * (digit - 1) +- 1.
void write_iq1(unsigned entry, bool negative_shift, std::int8_t* codes) {
  const int shift = negative_shift ? -1 : 1;
  for (int i = 0; i < 8; ++i)
    codes[i] = static_cast<std::int8_t>((static_cast<int>(entry >> 2 * i & 3) - 1) * 8 + shift);
}

std::uint32_t load32(const std::uint8_t* bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, 4);
  return word;
}

}  // namespace

void unpack_block(const BlockIQ1_S& block, Codes256& out) {
  start(f16_to_f32(block.d) * 0.125f, out);
  for (int group = 0; group < 8; ++group) {
    const unsigned word = block.qh[group];
    set_scale32(group, word >> 12 & 7, out);
    for (int k = 0; k < 4; ++k) {
      const unsigned index = block.qs[4 * group + k] | (word >> 3 * k & 7) << 8;
      write_iq1(kGridIQ1[index], word >> 15 & 1, out.codes + 32 * group + 8 * k);
    }
  }
}

void unpack_block(const BlockIQ1_M& block, Codes256& out) {
  unsigned d = 0;
  for (int i = 0; i < 4; ++i) d |= static_cast<unsigned>(block.scales[i] >> 12) << 4 * i;
  start(f16_to_f32(static_cast<std::uint16_t>(d)) * 0.125f, out);
  for (int group = 0; group < 16; ++group) {
    out.scale[group] = static_cast<std::int16_t>(2 * (block.scales[group / 4] >> 3 * (group % 4) & 7) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    const unsigned nibble = block.qh[i / 2] >> 4 * (i % 2) & 15u;
    write_iq1(kGridIQ1[block.qs[i] | (nibble & 7) << 8], nibble >> 3 & 1, out.codes + 8 * i);
  }
}

void unpack_block(const BlockIQ2_XXS& block, Codes256& out) {
  start(f16_to_f32(block.d) * 0.125f, out);
  for (int group = 0; group < 8; ++group) {
    const std::uint8_t* indices = block.qs + 8 * group;
    const std::uint32_t word = load32(indices + 4);
    set_scale32(group, word >> 28, out);
    for (int k = 0; k < 4; ++k) {
      write_iq2(kGridIQ2_XXS[indices[k]], with_parity(word >> 7 * k & 127), out.codes + 32 * group + 8 * k);
    }
  }
}

void unpack_block(const BlockIQ2_XS& block, Codes256& out) {
  start(f16_to_f32(block.d) * 0.125f, out);
  for (int group = 0; group < 16; ++group) {
    out.scale[group] = static_cast<std::int16_t>(2 * (block.scales[group / 2] >> 4 * (group % 2) & 15) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    const unsigned word = block.qs[i];
    write_iq2(kGridIQ2_XS[word & 511], with_parity(word >> 9), out.codes + 8 * i);
  }
}

void unpack_block(const BlockIQ2_S& block, Codes256& out) {
  start(f16_to_f32(block.d) * 0.125f, out);
  for (int group = 0; group < 16; ++group) {
    out.scale[group] = static_cast<std::int16_t>(2 * (block.scales[group / 2] >> 4 * (group % 2) & 15) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    const unsigned index = block.qs[i] | (block.qh[i / 4] >> 2 * (i % 4) & 3u) << 8;
    write_iq2(kGridIQ2_S[index], block.signs[i], out.codes + 8 * i);
  }
}

void unpack_block(const BlockIQ3_XXS& block, Codes256& out) {
  start(f16_to_f32(block.d) * 0.25f, out);
  for (int group = 0; group < 8; ++group) {
    const std::uint32_t word = load32(block.signs_and_scales + 4 * group);
    set_scale32(group, word >> 28, out);
    for (int k = 0; k < 8; ++k) {
      const unsigned entry = kGridIQ3_XXS[block.qs[8 * group + k]];
      const unsigned signs = with_parity(word >> 7 * (k / 2) & 127) >> 4 * (k % 2);
      std::int8_t* codes = out.codes + 32 * group + 4 * k;
      for (int i = 0; i < 4; ++i) codes[i] = signed_by(signs, i, kMagnitudesIQ3_XXS[entry >> 4 * i & 7]);
    }
  }
}

void unpack_block(const BlockIQ3_S& block, Codes256& out) {
  start(f16_to_f32(block.d), out);
  for (int group = 0; group < 8; ++group) set_scale32(group, block.scales[group / 2] >> 4 * (group % 2) & 15u, out);
  for (int j = 0; j < 64; ++j) {
    const unsigned entry = kGridIQ3_S[block.qs[j] | (block.qh[j / 8] >> j % 8 & 1u) << 8];
    const unsigned signs = static_cast<unsigned>(block.signs[j / 2]) >> 4 * (j % 2);
    for (int i = 0; i < 4; ++i) {
      out.codes[4 * j + i] = signed_by(signs, i, static_cast<std::int8_t>(2 * (entry >> 4 * i & 7) + 1));
    }
  }
}

}  // namespace hearth::quant
