// Scales of 256-element blocks: small integers per group under one half, chosen together with the codes.
#pragma once

#include "tensor/quant/fit.h"

namespace hearth::quant {

/// value = d * scale[g] * q. scale[g] in kScaleLow..kScaleHigh.
template <int kGroups>
struct SuperScales {
  std::uint16_t d_half = 0;
  float d = 0;  // what d_half stands for in the samples' units
  int scale[kGroups] = {};
  float error = 0;
};

/// Best integer scale of each group under d, tried around the wanted one with the codes it leads to.
template <typename Codes, int kGroups, int kScaleLow, int kScaleHigh>
void choose_scales(const Samples<256>& samples, const float (&wanted)[kGroups], SuperScales<kGroups>& out) {
  constexpr int kLen = 256 / kGroups;
  const float inverse = reciprocal(out.d);
  out.error = 0;
  for (int g = 0; g < kGroups; ++g) {
    const Group group = group_of(samples, kLen * g, kLen);
    const int centre = static_cast<int>(round_clamped(wanted[g] * inverse, kScaleLow, kScaleHigh));
    float best_error = 0;
    for (int k = 0; k < 3; ++k) {
      constexpr int kOffsets[3] = {0, -1, 1};
      const int scale = centre + kOffsets[k];
      if (scale < kScaleLow || scale > kScaleHigh) continue;
      const float error = error_of_scale<Codes>(group, out.d * static_cast<float>(scale));
      if (k == 0 || error < best_error) {
        best_error = error;
        out.scale[g] = scale;
      }
    }
    out.error += best_error;
  }
}

/// The d that suits the integer scales and codes at hand.
template <typename Codes, int kGroups>
float refit_d(const Samples<256>& samples, const SuperScales<kGroups>& at) {
  constexpr int kLen = 256 / kGroups;
  float xq = 0;
  float qq = 0;
  for (int g = 0; g < kGroups; ++g) {
    const auto scale = static_cast<float>(at.scale[g]);
    const float inverse = reciprocal(at.d * scale);
    float sums[2];
    lane_sums(group_of(samples, kLen * g, kLen), sums, [&](float x, float w, float(&out)[2]) {
      const float q = scale * Codes::nearest(x * inverse);
      out[0] = w * x * q;
      out[1] = w * q * q;
    });
    xq += sums[0];
    qq += sums[1];
  }
  return xq * reciprocal(qq);
}

/// The group of largest scale is laid on a few places near kScaleLow, the longer end of the range.
template <typename Codes, int kGroups, int kScaleLow, int kScaleHigh>
SuperScales<kGroups> best_super_scales(const Samples<256>& samples) {
  constexpr int kLen = 256 / kGroups;
  float wanted[kGroups];
  for (int g = 0; g < kGroups; ++g) wanted[g] = best_scale<Codes>(group_of(samples, kLen * g, kLen));
  const float peak = peak_of(wanted, kGroups);
  SuperScales<kGroups> best;
  bool first = true;
  for (const float place : {1.0f, 0.95f, 1.05f}) {
    float d = peak / (place * static_cast<float>(kScaleLow));
    for (int round = 0; round < 3; ++round) {
      SuperScales<kGroups> trial;
      trial.d_half = round == 0 ? samples.to_half_reaching(d) : samples.to_half(d);
      trial.d = samples.from_half(trial.d_half);
      choose_scales<Codes, kGroups, kScaleLow, kScaleHigh>(samples, wanted, trial);
      if (!first && !(trial.error < best.error) && round > 0) break;
      if (first || trial.error < best.error) best = trial;
      first = false;
      d = refit_d<Codes>(samples, trial);
    }
  }
  return best;
}

/// value = d * scale[g] * q - dmin * min[g]; scale and min in 0..kScaleMax.
template <int kGroups>
struct SuperAffine {
  std::uint16_t d_half = 0;
  std::uint16_t dmin_half = 0;
  float d = 0;
  float dmin = 0;
  int scale[kGroups] = {};
  int min[kGroups] = {};
  float error = 0;
};

template <int kMax, int kGroups, int kScaleMax>
void choose_scales_and_minima(const Samples<256>& samples, const AffineFit (&wanted)[kGroups],
                              SuperAffine<kGroups>& out) {
  constexpr int kLen = 256 / kGroups;
  const float inverse = reciprocal(out.d);
  const float inverse_min = reciprocal(out.dmin);
  out.error = 0;
  for (int g = 0; g < kGroups; ++g) {
    const Group group = group_of(samples, kLen * g, kLen);
    const int scale_centre = static_cast<int>(round_clamped(wanted[g].d * inverse, 0, kScaleMax));
    const int min_centre = static_cast<int>(round_clamped(-wanted[g].m * inverse_min, 0, kScaleMax));
    float best_error = INFINITY;
    for (int scale = std::max(scale_centre - 1, 0); scale <= std::min(scale_centre + 1, kScaleMax); ++scale) {
      for (int min = std::max(min_centre - 1, 0); min <= std::min(min_centre + 1, kScaleMax); ++min) {
        const float error =
            error_of_affine<kMax>(group, out.d * static_cast<float>(scale), -out.dmin * static_cast<float>(min));
        if (error < best_error) {
          best_error = error;
          out.scale[g] = scale;
          out.min[g] = min;
        }
      }
    }
    out.error += best_error;
  }
}

/// The d and dmin that suit the integers and codes at hand: two equations over the whole block.
template <int kMax, int kGroups>
void refit_d_and_dmin(const Samples<256>& samples, const SuperAffine<kGroups>& at, float& d, float& dmin) {
  constexpr int kLen = 256 / kGroups;
  float aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = scale * q, b = min
  for (int g = 0; g < kGroups; ++g) {
    const auto scale = static_cast<float>(at.scale[g]);
    const auto min = static_cast<float>(at.min[g]);
    const float inverse = reciprocal(at.d * scale);
    const float m = -at.dmin * min;
    float sums[5];
    lane_sums(group_of(samples, kLen * g, kLen), sums, [&](float x, float w, float(&out)[5]) {
      const float a = scale * round_clamped((x - m) * inverse, 0, kMax);
      out[0] = w * a * a;
      out[1] = w * a;
      out[2] = w;
      out[3] = w * a * x;
      out[4] = w * x;
    });
    aa += sums[0];
    ab += sums[1] * min;
    bb += sums[2] * min * min;
    ax += sums[3];
    bx += sums[4] * min;
  }
  // x ~ d * a - dmin * b
  const float determinant = aa * bb - ab * ab;
  if (determinant > 1e-6f * aa * bb) {
    d = (ax * bb - ab * bx) / determinant;
    dmin = (ab * ax - aa * bx) / determinant;
  } else {
    d = (ax + dmin * ab) * reciprocal(aa);
  }
  if (dmin < 0) {
    dmin = 0;
    d = ax * reciprocal(aa);
  }
}

template <int kMax, int kGroups, int kScaleMax>
SuperAffine<kGroups> best_super_affine(const Samples<256>& samples) {
  constexpr int kLen = 256 / kGroups;
  AffineFit wanted[kGroups];
  float largest_d = 0;
  float largest_m = 0;
  for (int g = 0; g < kGroups; ++g) {
    wanted[g] = best_affine<kMax>(group_of(samples, kLen * g, kLen), Minimum::kNotPositive);
    largest_d = std::max(largest_d, wanted[g].d);
    largest_m = std::max(largest_m, -wanted[g].m);
  }
  SuperAffine<kGroups> best;
  bool first = true;
  for (const float place : {1.0f, 0.93f}) {
    float d = largest_d / (place * kScaleMax);
    float dmin = largest_m / (place * kScaleMax);
    for (int round = 0; round < 3; ++round) {
      SuperAffine<kGroups> trial;
      trial.d_half = round == 0 ? samples.to_half_reaching(d) : samples.to_half(d);
      trial.dmin_half = round == 0 ? samples.to_half_reaching(dmin) : samples.to_half(dmin);
      trial.d = samples.from_half(trial.d_half);
      trial.dmin = samples.from_half(trial.dmin_half);
      choose_scales_and_minima<kMax, kGroups, kScaleMax>(samples, wanted, trial);
      if (!first && !(trial.error < best.error) && round > 0) break;
      if (first || trial.error < best.error) best = trial;
      first = false;
      refit_d_and_dmin<kMax>(samples, trial, d, dmin);
    }
  }
  return best;
}

}  // namespace hearth::quant
