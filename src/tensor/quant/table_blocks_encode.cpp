// Putting IQ4_NL, IQ4_XS and MXFP4 together.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tensor/quant/fit_super.h"
#include "tensor/quant/table_blocks.h"

namespace hearth::quant {

namespace {

/// All middles between neighbouring values are multiples of 1/2, so the nearest index is a function of floor(2 * t).
constexpr int kHalvesLow = 2 * kValuesIQ4[0];
constexpr int kHalvesHigh = 2 * kValuesIQ4[15];

constexpr auto kNearestIndex = [] {
  std::array<std::uint8_t, kHalvesHigh - kHalvesLow + 1> table{};
  std::uint8_t index = 0;
  for (int halves = kHalvesLow; halves <= kHalvesHigh; ++halves) {
    while (index < 15 && halves >= kValuesIQ4[index] + kValuesIQ4[index + 1]) ++index;
    table[static_cast<std::size_t>(halves - kHalvesLow)] = index;
  }
  return table;
}();

/// Index of the value nearest to t; NaN gives one end.
int nearest_index(float t) {
  const float halves = round_clamped(2 * t - 0.5f, kHalvesLow, kHalvesHigh);
  return kNearestIndex[static_cast<std::size_t>(static_cast<int>(halves) - kHalvesLow)];
}

struct TableCodes {
  static constexpr float kLow = kValuesIQ4[0];
  static constexpr float kHigh = kValuesIQ4[15];
  static float nearest(float t) { return static_cast<float>(kValuesIQ4[nearest_index(t)]); }
};

/// 32 samples -> nibble pairs.
void pack_nearest(const float* x, float d, std::uint8_t* qs) {
  const float inverse = reciprocal(d);
  for (int j = 0; j < 16; ++j) {
    qs[j] = static_cast<std::uint8_t>(nearest_index(x[j] * inverse) | nearest_index(x[j + 16] * inverse) << 4);
  }
}

/// Index of the E2M1 number nearest to t, both doubled; NaN gives zero.
int nearest_e2m1(float t) {
  constexpr float kMiddles[] = {0.5f, 1.5f, 2.5f, 3.5f, 5, 7, 10};
  int index = 0;
  for (const float middle : kMiddles) index += std::fabs(t) > middle;
  return t < 0 ? index + 8 : index;
}

struct E2M1Codes {
  static float nearest(float t) { return static_cast<float>(kValuesE2M1[nearest_e2m1(t)]); }
};

}  // namespace

void encode_block(const float* values, const float* importance, BlockIQ4_NL& out) {
  const Samples<32> samples(values, importance);
  out.d = samples.to_half(best_scale<TableCodes>(group_of(samples, 0, 32)));
  pack_nearest(samples.x, samples.from_half(out.d), out.qs);
}

void encode_block(const float* values, const float* importance, BlockIQ4_XS& out) {
  const Samples<256> samples(values, importance);
  const auto found = best_super_scales<TableCodes, 8, -32, 31>(samples);
  out = {};
  out.d = found.d_half;
  for (int i = 0; i < 8; ++i) {
    const int scale = found.scale[i] + 32;
    out.scales_l[i / 2] = static_cast<std::uint8_t>(out.scales_l[i / 2] | (scale & 15) << 4 * (i % 2));
    out.scales_h = static_cast<std::uint16_t>(out.scales_h | scale >> 4 << 2 * i);
    pack_nearest(samples.x + 32 * i, found.d * static_cast<float>(found.scale[i]), out.qs + 16 * i);
  }
}

void encode_block(const float* values, const float* importance, BlockMXFP4& out) {
  constexpr int kHighest = 252;  // the next one's 6 is no finite float
  const Samples<32> samples(values, importance);
  const Group group = group_of(samples, 0, 32);
  out = {};
  const float peak = std::fabs(peak_of(samples.x, 32));
  if (peak == 0) return;
  const int unit_e = 128 + std::ilogb(samples.unit);  // of the half scale 1
  const int peak_e = std::ilogb(peak) + unit_e;
  float best_d = 0, least = std::numeric_limits<float>::infinity();
  // The peak is 8 to 16 half scales, of which more than 12 is cut, or 4 to 8 coarser ones.
  for (const int below_peak : {3, 2}) {
    const int e = std::clamp(peak_e - below_peak, 0, kHighest);
    const float d = std::ldexp(1.0f, e - unit_e);
    const float error = error_of_scale<E2M1Codes>(group, d);
    if (!(error < least)) continue;
    least = error;
    best_d = d;
    out.e = static_cast<std::uint8_t>(e);
  }
  for (int j = 0; j < 16; ++j) {
    out.qs[j] =
        static_cast<std::uint8_t>(nearest_e2m1(samples.x[j] / best_d) | nearest_e2m1(samples.x[j + 16] / best_d) << 4);
  }
}

}  // namespace hearth::quant
