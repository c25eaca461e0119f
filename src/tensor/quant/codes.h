// The integer decomposition of a quantized block: what matrix multiplication computes with, exact for every format.
#pragma once

#include <cstdint>

namespace hearth {

/// value[e] = d * codes[e] + m. Formats with one scale per 32 elements; m = 0 where the format has no minimum.
struct Codes32 {
  static constexpr int kLen = 32;
  float d;
  float m;
  std::int8_t codes[32];
};

/// value[e] = d * scale[e / 16] * codes[e] - dmin * min[e / 16]. Formats with integer sub-scales inside 256 elements.
/// A format with one sub-scale per 32 (or 256) elements repeats it; dmin = 0 and min = 0 where it has no minimum.
/// Sum over 256 of |scale * code * activation| stays below 2^31 for int8 activations, whatever the block holds.
struct Codes256 {
  static constexpr int kLen = 256;
  float d;
  float dmin;
  std::int16_t scale[16];
  std::int16_t min[16];
  std::int8_t codes[256];
};

/// value[e] = d[e / 16] * codes[e]. NVFP4 only: its four scales span 2^18, too wide for a shared d and 16-bit integers.
struct Codes64 {
  static constexpr int kLen = 64;
  float d[4];
  std::int8_t codes[64];
};

enum class CodesForm : std::uint8_t {
  kNone,  // F32, F16, BF16: plain floats, nothing to decompose
  k32,
  k64,
  k256,
};

template <typename Codes>
inline constexpr CodesForm kFormOf = CodesForm::kNone;
template <>
inline constexpr CodesForm kFormOf<Codes32> = CodesForm::k32;
template <>
inline constexpr CodesForm kFormOf<Codes64> = CodesForm::k64;
template <>
inline constexpr CodesForm kFormOf<Codes256> = CodesForm::k256;

}  // namespace hearth
