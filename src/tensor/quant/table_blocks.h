// IQ4_NL, IQ4_XS, MXFP4, NVFP4: four bits that choose one of sixteen unevenly spaced values.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/quant/codes.h"

namespace hearth::quant {

/// The values of IQ4_NL and IQ4_XS, ascending.
inline constexpr std::int8_t kValuesIQ4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};
/// E2M1 (sign, two bits exponent, one bit mantissa: 0 0.5 1 1.5 2 3 4 6) doubled to be integers; scales are halved.
inline constexpr std::int8_t kValuesE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// 4.5 bits. value = d * kValuesIQ4[q], q as nibble pairs.
struct BlockIQ4_NL {
  static constexpr DType kType = DType::kIQ4_NL;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes32;
  std::uint16_t d;  // F16
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockIQ4_NL) == 18);

/// 4.25 bits. value = d * (s - 32) * kValuesIQ4[q]; q of each 32 elements as nibble pairs in 16 bytes of qs. Scale i
/// (six bits, one per 32): low four are a nibble of scales_l[i / 2], low first; high two are bits 2 * i of scales_h.
struct BlockIQ4_XS {
  static constexpr DType kType = DType::kIQ4_XS;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint16_t d;  // F16
  std::uint16_t scales_h;
  std::uint8_t scales_l[4];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

/// 4.25 bits. value = 2^(e - 127) * E2M1, elements as nibble pairs. e = 255 is not special here.
struct BlockMXFP4 {
  static constexpr DType kType = DType::kMXFP4;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes32;
  std::uint8_t e;  // E8M0
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockMXFP4) == 17);

/// 4.5 bits, 64 elements. value = d[e / 16] * E2M1; of each 16 elements, byte j of their eight bytes of qs holds
/// element j (low nibble) and j + 8. d is UE4M3: four bits exponent (bias 7), three bits mantissa, top bit ignored;
/// 0x7f, which would be NaN, is zero.
struct BlockNVFP4 {
  static constexpr DType kType = DType::kNVFP4;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = false;
  using Codes = Codes64;
  std::uint8_t d[4];
  std::uint8_t qs[32];
};
static_assert(sizeof(BlockNVFP4) == 36);

void unpack_block(const BlockIQ4_NL& block, Codes32& out);
void unpack_block(const BlockIQ4_XS& block, Codes256& out);
void unpack_block(const BlockMXFP4& block, Codes32& out);
void unpack_block(const BlockNVFP4& block, Codes64& out);

/// `importance` may be null; see QuantCodec::encode.
void encode_block(const float* values, const float* importance, BlockIQ4_NL& out);
void encode_block(const float* values, const float* importance, BlockIQ4_XS& out);
void encode_block(const float* values, const float* importance, BlockMXFP4& out);

}  // namespace hearth::quant
