// TQ1_0, TQ2_0: 256 elements of -1, 0 or 1 under one scale.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/quant/codes.h"

namespace hearth::quant {

/// 1.6875 bits. value = d * (digit - 1). A byte is the fraction 0.t0 t1 t2 t3 t4 in base 3, rounded up to 1/256, so
/// digit n is the integer part of 3 * frac(byte / 256 * 3^n). Elements 0..159 are digits 0..4 of qs[0..31] (element
/// 32 * n + j is digit n of byte j), 160..239 those of qs[32..47] in steps of 16, 240..255 digits 0..3 of qh in
/// steps of 4.
struct BlockTQ1_0 {
  static constexpr DType kType = DType::kTQ1_0;
  static constexpr int kScaleSpan = 256;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint8_t qs[48];
  std::uint8_t qh[4];
  std::uint16_t d;  // F16
};
static_assert(sizeof(BlockTQ1_0) == 54);

/// 2.0625 bits. value = d * (q - 1), q in 0..3 at the places of Q2_K; 3 is not written but decodes to 2 * d.
struct BlockTQ2_0 {
  static constexpr DType kType = DType::kTQ2_0;
  static constexpr int kScaleSpan = 256;
  static constexpr bool kHasMin = false;
  using Codes = Codes256;
  std::uint8_t qs[64];
  std::uint16_t d;  // F16
};
static_assert(sizeof(BlockTQ2_0) == 66);

void unpack_block(const BlockTQ1_0& block, Codes256& out);
void unpack_block(const BlockTQ2_0& block, Codes256& out);

}  // namespace hearth::quant
