// Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1: 32 elements, one half-precision scale, evenly spaced codes.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/quant/codes.h"

// In every format here and below: little-endian; "nibble pairs" means that byte j holds element j in its low four bits
// and element j + 16 in its high four bits.
namespace hearth::quant {

/// 4.5 bits. value = d * (q - 8), q in 0..15 as nibble pairs.
struct BlockQ4_0 {
  static constexpr DType kType = DType::kQ4_0;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes32;
  std::uint16_t d;      // F16
  std::uint8_t qs[16];  // nibble pairs
};
static_assert(sizeof(BlockQ4_0) == 18);

/// 5 bits. value = d * q + m, q in 0..15 as nibble pairs.
struct BlockQ4_1 {
  static constexpr DType kType = DType::kQ4_1;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = true;
  using Codes = Codes32;
  std::uint16_t d;  // F16
  std::uint16_t m;  // F16, the minimum
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

/// 5.5 bits. value = d * (q - 16), q in 0..31: low four bits as nibble pairs, fifth bit of element e is bit e of qh.
struct BlockQ5_0 {
  static constexpr DType kType = DType::kQ5_0;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes32;
  std::uint16_t d;  // F16
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

/// 6 bits. value = d * q + m, q in 0..31 stored as in Q5_0.
struct BlockQ5_1 {
  static constexpr DType kType = DType::kQ5_1;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = true;
  using Codes = Codes32;
  std::uint16_t d;  // F16
  std::uint16_t m;  // F16
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

/// 8.5 bits. value = d * q, q in -128..127.
struct BlockQ8_0 {
  static constexpr DType kType = DType::kQ8_0;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes32;
  std::uint16_t d;  // F16
  std::int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

/// 9 bits. Q8_0 plus s = d * (sum of q), a help for multiplication that carries no information about the values.
struct BlockQ8_1 {
  static constexpr DType kType = DType::kQ8_1;
  static constexpr int kScaleSpan = 32;
  static constexpr bool kHasMin = false;
  using Codes = Codes32;
  std::uint16_t d;  // F16
  std::uint16_t s;  // F16
  std::int8_t qs[32];
};
static_assert(sizeof(BlockQ8_1) == 36);

void unpack_block(const BlockQ4_0& block, Codes32& out);
void unpack_block(const BlockQ4_1& block, Codes32& out);
void unpack_block(const BlockQ5_0& block, Codes32& out);
void unpack_block(const BlockQ5_1& block, Codes32& out);
void unpack_block(const BlockQ8_0& block, Codes32& out);
void unpack_block(const BlockQ8_1& block, Codes32& out);

/// `importance` may be null; see QuantCodec::encode.
void encode_block(const float* values, const float* importance, BlockQ4_0& out);
void encode_block(const float* values, const float* importance, BlockQ4_1& out);
void encode_block(const float* values, const float* importance, BlockQ5_0& out);
void encode_block(const float* values, const float* importance, BlockQ5_1& out);
void encode_block(const float* values, const float* importance, BlockQ8_0& out);

}  // namespace hearth::quant
