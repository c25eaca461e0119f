// IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S: 256 elements as indices into grids of four or eight values.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/quant/codes.h"

// Scales here are odd: 2 * s + 1 with s of three or four bits; the formats' factors 1/2, 1/4 and 1/8 go into d.
// "Seven sign bits" stand for eight elements: bit i set negates element i, and the eighth sign makes their number even.
namespace hearth::quant {

/// 1.5625 bits. value = d * (2 * s + 1) * (grid +- 1/8), grid in -1..1. Per 32 elements one 16-bit word of qh:
/// bits 0..11 the high three index bits of the four qs bytes, bits 12..14 s, bit 15 set subtracts 1/8.
struct BlockIQ1_S {
  static constexpr DType kType = DType::kIQ1_S;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;      // F16
  std::uint8_t qs[32];  // low eight bits of the index of each eight elements
  std::uint16_t qh[8];
};
static_assert(sizeof(BlockIQ1_S) == 50);

/// 1.75 bits. IQ1_S with a scale per 16 elements and a shift per eight. A nibble of qh belongs to each qs byte: bits
/// 0..2 high index bits, bit 3 set subtracts 1/8. The 16-bit words of scales hold four s of three bits from bit 0;
/// their top nibbles, from scales[0] upwards, make the F16 d.
struct BlockIQ1_M {
  static constexpr DType kType = DType::kIQ1_M;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint8_t qs[32];
  std::uint8_t qh[16];
  std::uint16_t scales[4];
};
static_assert(sizeof(BlockIQ1_M) == 56);

/// 2.0625 bits. value = d/8 * (2 * s + 1) * +-grid. Per 32 elements eight bytes: four indices, then 32 bits with four
/// times seven sign bits and s in the top four.
struct BlockIQ2_XXS {
  static constexpr DType kType = DType::kIQ2_XXS;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;  // F16
  std::uint8_t qs[64];
};
static_assert(sizeof(BlockIQ2_XXS) == 66);

/// 2.3125 bits. As IQ2_XXS, per eight elements one word: nine bits index, seven sign bits; s per 16 elements is a
/// nibble of scales, low first.
struct BlockIQ2_XS {
  static constexpr DType kType = DType::kIQ2_XS;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;  // F16
  std::uint16_t qs[32];
  std::uint8_t scales[8];
};
static_assert(sizeof(BlockIQ2_XS) == 74);

/// 2.5625 bits. As IQ2_XS with ten index bits (high two: pairs of bits of qh, low first) and all eight signs stored.
struct BlockIQ2_S {
  static constexpr DType kType = DType::kIQ2_S;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;  // F16
  std::uint8_t qs[32];
  std::uint8_t signs[32];
  std::uint8_t qh[8];
  std::uint8_t scales[8];
};
static_assert(sizeof(BlockIQ2_S) == 82);

/// 3.0625 bits. value = d/4 * (2 * s + 1) * +-grid, one index byte per four elements; per 32 elements 32 bits with
/// four times seven sign bits and s in the top four.
struct BlockIQ3_XXS {
  static constexpr DType kType = DType::kIQ3_XXS;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;  // F16
  std::uint8_t qs[64];
  std::uint8_t signs_and_scales[32];
};
static_assert(sizeof(BlockIQ3_XXS) == 98);

/// 3.4375 bits. value = d * (2 * s + 1) * +-grid, nine index bits per four elements (the ninth of qs[i] is bit i % 8
/// of qh[i / 8]), all signs stored, s per 32 elements is a nibble of scales, low first.
struct BlockIQ3_S {
  static constexpr DType kType = DType::kIQ3_S;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;  // F16
  std::uint8_t qs[64];
  std::uint8_t qh[8];
  std::uint8_t signs[32];
  std::uint8_t scales[4];
};
static_assert(sizeof(BlockIQ3_S) == 110);

void unpack_block(const BlockIQ1_S& block, Codes256& out);
void unpack_block(const BlockIQ1_M& block, Codes256& out);
void unpack_block(const BlockIQ2_XXS& block, Codes256& out);
void unpack_block(const BlockIQ2_XS& block, Codes256& out);
void unpack_block(const BlockIQ2_S& block, Codes256& out);
void unpack_block(const BlockIQ3_XXS& block, Codes256& out);
void unpack_block(const BlockIQ3_S& block, Codes256& out);

}  // namespace hearth::quant
