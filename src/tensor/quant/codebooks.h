// The grids of the IQ formats: an index in a block names four or eight magnitudes at once.
#pragma once

#include <cstdint>

namespace hearth::quant {

// Eight digits of two bits, element i at bit 2 * i. Digits 0, 1, 2 stand for the values 8, 25, 43 ...
extern const std::uint16_t kGridIQ2_XXS[256];
extern const std::uint16_t kGridIQ2_XS[512];
extern const std::uint16_t kGridIQ2_S[1024];
// ... and here for -1, 0, 1. Shared by IQ1_S and IQ1_M.
extern const std::uint16_t kGridIQ1[2048];

// Four digits of four bits, element i at bit 4 * i. Digits stand for kMagnitudesIQ3_XXS ...
extern const std::uint16_t kGridIQ3_XXS[256];
// ... and here digit k for 2 * k + 1.
extern const std::uint16_t kGridIQ3_S[512];

inline constexpr std::int8_t kMagnitudesIQ2[3] = {8, 25, 43};
inline constexpr std::int8_t kMagnitudesIQ3_XXS[8] = {4, 12, 20, 28, 36, 44, 52, 62};

}  // namespace hearth::quant
