// Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K: 256 elements, small integer sub-scales under one half-precision scale.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/quant/codes.h"

namespace hearth::quant {

/// 2.625 bits. value = d * (scales[e/16] & 15) * q - dmin * (scales[e/16] >> 4), q in 0..3.
/// q of element e is two bits of qs[32 * (e / 128) + e % 32] at bit 2 * (e % 128 / 32).
struct BlockQ2_K {
  static constexpr DType kType = DType::kQ2_K;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = true;
  using Codes = Codes256;
  std::uint8_t scales[16];  // low nibble scale, high nibble minimum
  std::uint8_t qs[64];
  std::uint16_t d;     // F16
  std::uint16_t dmin;  // F16
};
static_assert(sizeof(BlockQ2_K) == 84);

/// 3.4375 bits. value = d * (s - 32) * (q - 4), q in 0..7: low two bits as in Q2_K, third bit is bit e / 32 of
/// hmask[e % 32]. Scale i (six bits): low four are a nibble of scales[i % 8] (low for i < 8), high two are bits
/// 2 * (i / 4) of scales[8 + i % 4].
struct BlockQ3_K {
  static constexpr DType kType = DType::kQ3_K;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint8_t hmask[32];
  std::uint8_t qs[64];
  std::uint8_t scales[12];
  std::uint16_t d;  // F16
};
static_assert(sizeof(BlockQ3_K) == 110);

/// Eight scales and eight minima of six bits in twelve bytes, shared by Q4_K and Q5_K:
///   byte i      (i < 4): scale[i]   in bits 0..5, bits 4..5 of scale[i + 4] in bits 6..7
///   byte i + 4         : minimum[i] in bits 0..5, bits 4..5 of minimum[i + 4] in bits 6..7
///   byte i + 8         : bits 0..3 of scale[i + 4] in the low nibble, of minimum[i + 4] in the high one
struct PackedScales6 {
  std::uint8_t bytes[12];
};

/// 4.5 bits. value = d * scale[e/32] * q - dmin * minimum[e/32], q in 0..15:
/// of every 64 elements, the first 32 are the low nibbles of qs[32 * (e / 64) + e % 32], the others the high ones.
struct BlockQ4_K {
  static constexpr DType kType = DType::kQ4_K;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = true;
  using Codes = Codes256;
  std::uint16_t d;     // F16
  std::uint16_t dmin;  // F16
  PackedScales6 scales;
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

/// 5.5 bits. Q4_K with q in 0..31: the fifth bit is bit e / 32 of qh[e % 32].
struct BlockQ5_K {
  static constexpr DType kType = DType::kQ5_K;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = true;
  using Codes = Codes256;
  std::uint16_t d;     // F16
  std::uint16_t dmin;  // F16
  PackedScales6 scales;
  std::uint8_t qh[32];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

/// 6.5625 bits. value = d * scales[e/16] * (q - 32), q in 0..63. With h = e / 128 and l = e % 128: low four bits are
/// the low (l < 64) or high nibble of ql[64 * h + l % 64], high two are bits 2 * (l / 32) of qh[32 * h + l % 32].
struct BlockQ6_K {
  static constexpr DType kType = DType::kQ6_K;
  static constexpr int kScaleSpan = 16;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;  // F16
};
static_assert(sizeof(BlockQ6_K) == 210);

/// 9.125 bits. value = d * q. bsums[i] = sum of qs[16 * i ..]: a help for multiplication, no information.
struct BlockQ8_K {
  static constexpr DType kType = DType::kQ8_K;
  static constexpr int kScaleSpan = 256;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  float d;
  std::int8_t qs[256];
  std::int16_t bsums[16];
};
static_assert(sizeof(BlockQ8_K) == 292);

void unpack_block(const BlockQ2_K& block, Codes256& out);
void unpack_block(const BlockQ3_K& block, Codes256& out);
void unpack_block(const BlockQ4_K& block, Codes256& out);
void unpack_block(const BlockQ5_K& block, Codes256& out);
void unpack_block(const BlockQ6_K& block, Codes256& out);
void unpack_block(const BlockQ8_K& block, Codes256& out);

/// `importance` may be null; see QuantCodec::encode.
void encode_block(const float* values, const float* importance, BlockQ2_K& out);
void encode_block(const float* values, const float* importance, BlockQ3_K& out);
void encode_block(const float* values, const float* importance, BlockQ4_K& out);
void encode_block(const float* values, const float* importance, BlockQ5_K& out);
void encode_block(const float* values, const float* importance, BlockQ6_K& out);

}  // namespace hearth::quant
