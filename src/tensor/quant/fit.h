// What the encoders share: weighted least squares over a few candidate scales, refined until the codes settle.
//
// Everything is float arithmetic in a fixed order over eight lanes, so results do not depend on compiler or CPU.
// No input can break it: samples are finite and of ordinary size before any search, codes are clamped before they
// become integers.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "tensor/half.h"

namespace hearth::quant {

/// Nearest half, but the largest finite one instead of infinity.
inline std::uint16_t to_half_saturated(float f) {
  const std::uint16_t half = f32_to_f16(f);
  return (half & 0x7fffu) < 0x7c00u ? half : static_cast<std::uint16_t>((half & 0x8000u) | 0x7bffu);
}

/// Nearest integer (ties to even) within lo..hi as a float; |lo|, |hi| below 2^22. NaN becomes lo.
inline float round_clamped(float t, float lo, float hi) {
  t = t > lo ? t : lo;
  t = t < hi ? t : hi;
  return (t + 0x1.8p23f) - 0x1.8p23f;
}

/// The codes kLow..kHigh.
template <int kLowest, int kHighest>
struct EvenCodes {
  static constexpr float kLow = kLowest;
  static constexpr float kHigh = kHighest;
  static float nearest(float t) { return round_clamped(t, kLow, kHigh); }
};

/// N values with their weights, brought to ordinary size: |x| < 2 by a power of two (unit), weights into 2^-20..2.
/// What is not finite counts as zero; the floor of the weights lets unimportant elements still break ties.
template <int N>
struct Samples {
  float x[N];
  float w[N];
  float unit;  // true value = x * unit

  Samples(const float* values, const float* importance) {
    float largest = 0;
    for (int i = 0; i < N; ++i) {
      x[i] = std::isfinite(values[i]) ? values[i] : 0.0f;
      largest = std::max(largest, std::fabs(x[i]));
    }
    const float shrink = inverse_power_of_two(largest);
    unit = 1 / shrink;
    for (float& value : x) value *= shrink;
    if (!importance) {
      std::ranges::fill(w, 1.0f);
      return;
    }
    float heaviest = 0;
    for (int i = 0; i < N; ++i) {
      w[i] = std::isfinite(importance[i]) && importance[i] > 0 ? importance[i] : 0.0f;
      heaviest = std::max(heaviest, w[i]);
    }
    const float lighten = inverse_power_of_two(heaviest);
    for (float& weight : w) weight = std::max(weight * lighten, 0x1p-20f);
  }

  /// The scale that a stored half stands for, in these units.
  [[nodiscard]] float from_half(std::uint16_t half) const { return f16_to_f32(half) / unit; }
  [[nodiscard]] std::uint16_t to_half(float scale) const { return to_half_saturated(scale * unit); }

  /// As to_half, but where halves are coarse (subnormal) never smaller than asked for, so that the largest integer
  /// scale still reaches the peak.
  [[nodiscard]] std::uint16_t to_half_reaching(float scale) const {
    const std::uint16_t half = to_half(scale);
    const bool coarse = (half & 0x7c00u) == 0;
    return coarse && std::fabs(f16_to_f32(half)) < std::fabs(scale * unit) ? static_cast<std::uint16_t>(half + 1)
                                                                           : half;
  }

 private:
  /// A power of two that brings a positive number to 1..2 (or near it, at the ends of float's range).
  static float inverse_power_of_two(float f) {
    const int exponent = static_cast<int>(std::bit_cast<std::uint32_t>(f) >> 23) - 127;
    return std::bit_cast<float>(static_cast<std::uint32_t>(127 - std::clamp(exponent, -100, 120)) << 23);
  }
};

/// Part of the samples, n a multiple of eight.
struct Group {
  const float* x;
  const float* w;
  int n;
};

template <int N>
Group group_of(const Samples<N>& samples, int begin, int n) {
  return {samples.x + begin, samples.w + begin, n};
}

/// Sums over a group, kept in eight lanes so that compilers can use vectors and the order stays fixed.
template <int K, typename Terms>
inline void lane_sums(const Group& group, float (&sums)[K], Terms terms) {
  float lanes[K][8] = {};
  for (int i = 0; i < group.n; i += 8) {
    for (int lane = 0; lane < 8; ++lane) {
      float values[K];
      terms(group.x[i + lane], group.w[i + lane], values);
      for (int k = 0; k < K; ++k) lanes[k][lane] += values[k];
    }
  }
  for (int k = 0; k < K; ++k) {
    const float* v = lanes[k];
    sums[k] = ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
  }
}

inline float reciprocal(float f) {
  return std::fabs(f) > 1e-30f ? 1 / f : 0.0f;
}

/// The first of the largest in magnitude, with its sign; 0 if there is none but zeros. The magnitude is kept apart
/// because clang 19 at -O2 drops the first element from `if (fabs(x) > fabs(peak)) peak = x`.
inline float peak_of(const float* values, int n) {
  float peak = 0;
  float largest = 0;
  for (int i = 0; i < n; ++i) {
    const float magnitude = std::fabs(values[i]);
    if (magnitude > largest) {
      largest = magnitude;
      peak = values[i];
    }
  }
  return peak;
}

/// sum of w * (x - d * q)^2 with the nearest codes q.
template <typename Codes>
float error_of_scale(const Group& group, float d) {
  float error[1];
  const float inverse = reciprocal(d);
  lane_sums(group, error, [&](float x, float w, float(&out)[1]) {
    const float residual = x - d * Codes::nearest(x * inverse);
    out[0] = w * residual * residual;
  });
  return error[0];
}

struct ScaleFit {
  float d = 0;
  float gain = 0;  // sum of w x^2 less the error
};

/// Codes nearest to x * inverse, and the best scale for them.
template <typename Codes>
ScaleFit fit_codes(const Group& group, float inverse) {
  float sums[2];
  lane_sums(group, sums, [&](float x, float w, float(&out)[2]) {
    const float q = Codes::nearest(x * inverse);
    out[0] = w * x * q;
    out[1] = w * q * q;
  });
  const float d = sums[0] * reciprocal(sums[1]);
  return {d, d * sums[0]};
}

/// The scale d that makes sum of w * (x - d * q)^2 smallest, q in Codes: the peak is laid on a range of places around
/// the outermost codes of either side, the best is refined.
template <typename Codes>
float best_scale(const Group& group) {
  const float peak = peak_of(group.x, group.n);
  if (peak == 0) return 0;
  ScaleFit best;
  for (const float outermost : {Codes::kLow, Codes::kHigh}) {
    const float reach = std::fabs(outermost);
    const float step = std::max(0.17f, reach * 0.02f);
    for (int k = -8; k <= 3; ++k) {
      const float place = reach + step * static_cast<float>(k);
      if (place <= 0.4f) continue;
      const ScaleFit fit = fit_codes<Codes>(group, std::copysign(place, outermost) / peak);
      if (fit.gain > best.gain) best = fit;
    }
  }
  for (int round = 0; round < 4; ++round) {
    const ScaleFit fit = fit_codes<Codes>(group, reciprocal(best.d));
    if (!(fit.gain > best.gain)) break;
    best = fit;
  }
  return best.d;
}

/// value = d * q + m, q in 0..kMax.
struct AffineFit {
  float d = 0;
  float m = 0;
  float error = 0;
};

/// sum of w * (x - d * q - m)^2 with the nearest codes q in 0..kMax.
template <int kMax>
float error_of_affine(const Group& group, float d, float m) {
  float error[1];
  const float inverse = reciprocal(d);
  lane_sums(group, error, [&](float x, float w, float(&out)[1]) {
    const float residual = x - d * round_clamped((x - m) * inverse, 0, kMax) - m;
    out[0] = w * residual * residual;
  });
  return error[0];
}

/// Which minima a format can store.
enum class Minimum : std::uint8_t { kAny, kNotPositive };

/// Sums that do not depend on the codes.
struct AffineMoments {
  float w, x, xx;
  explicit AffineMoments(const Group& group) {
    float sums[3];
    lane_sums(group, sums, [](float value, float weight, float(&out)[3]) {
      out[0] = weight;
      out[1] = weight * value;
      out[2] = weight * value * value;
    });
    w = sums[0];
    x = sums[1];
    xx = sums[2];
  }
};

/// Codes nearest to (x - m) * inverse, and the best d and m for them.
template <int kMax>
AffineFit fit_affine_codes(const Group& group, const AffineMoments& moments, float inverse, float m, Minimum kind) {
  float sums[3];
  lane_sums(group, sums, [&](float x, float w, float(&out)[3]) {
    const float q = round_clamped((x - m) * inverse, 0, kMax);
    out[0] = w * q;
    out[1] = w * q * q;
    out[2] = w * q * x;
  });
  const auto [q1, q2, qx] = sums;
  const float determinant = moments.w * q2 - q1 * q1;
  AffineFit fit;
  fit.d = (moments.w * qx - q1 * moments.x) * reciprocal(determinant);
  fit.m = (q2 * moments.x - q1 * qx) * reciprocal(determinant);
  if (!(determinant > 1e-6f * moments.w * q2)) fit = {0, moments.x * reciprocal(moments.w), 0};  // all codes alike
  if (kind == Minimum::kNotPositive && fit.m > 0) fit = {qx * reciprocal(q2), 0, 0};
  fit.error = moments.xx - 2 * (fit.d * qx + fit.m * moments.x) + fit.d * fit.d * q2 + 2 * fit.d * fit.m * q1 +
              fit.m * fit.m * moments.w;
  return fit;
}

/// The d >= 0 and m that make sum of w * (x - d * q - m)^2 smallest, q in 0..kMax.
template <int kMax>
AffineFit best_affine(const Group& group, Minimum kind) {
  const AffineMoments moments(group);
  float lowest = group.x[0];
  float highest = group.x[0];
  for (int i = 1; i < group.n; ++i) {
    lowest = std::min(lowest, group.x[i]);
    highest = std::max(highest, group.x[i]);
  }
  if (kind == Minimum::kNotPositive) lowest = std::min(lowest, 0.0f);
  if (!(highest > lowest)) return {0, lowest, 0};
  AffineFit best{0, 0, moments.xx};
  const float range = highest - lowest;
  // The end codes stand `trim` steps outside the samples' range (negative: they clip), at both ends alike or at one.
  constexpr int kSteps = 12;
  for (int k = 0; k < kSteps; ++k) {
    const float trim = (kMax <= 3 ? 0.08f : 0.1f) * static_cast<float>(k) - 0.2f;
    for (const float share : {0.0f, 0.5f, 1.0f}) {
      const float inverse = (static_cast<float>(kMax) + trim) / range;
      const AffineFit fit = fit_affine_codes<kMax>(group, moments, inverse, lowest + share * trim / inverse, kind);
      if (fit.d > 0 && fit.error < best.error) best = fit;
    }
  }
  for (int round = 0; round < 4; ++round) {
    const AffineFit fit = fit_affine_codes<kMax>(group, moments, reciprocal(best.d), best.m, kind);
    if (!(fit.d > 0 && fit.error < best.error)) break;
    best = fit;
  }
  return best;
}

}  // namespace hearth::quant
