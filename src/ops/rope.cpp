// Frequencies of rotary embeddings, computed in binary64 with our own functions so that every platform agrees.
#include "ops/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/rope_math.h"

namespace hearth::ops {

namespace {

/// The (fractional) pair index whose wavelength makes `turns` turns within n_ctx positions.
double pair_with_turns(double turns, const RopeOptions& o) {
  using kernels::recipe_log64;
  return static_cast<double>(o.n_rot) *
         recipe_log64(static_cast<double>(o.yarn.n_ctx_original) / (turns * 2.0 * std::numbers::pi)) /
         (2.0 * recipe_log64(o.base));
}

}  // namespace

Rope make_rope(const RopeOptions& o) {
  Rope rope{
      .pairs = o.pairs, .n_rot = o.n_rot, .frequencies = std::vector<double>(o.n_rot / 2), .magnitude = o.magnitude};
  const bool yarn = o.yarn.n_ctx_original > 0 && o.yarn.extrapolation != 0.0;
  double low = 0, high = 0;
  if (yarn) {
    low = std::max(0.0, std::floor(pair_with_turns(o.yarn.beta_fast, o)));
    high = std::min(static_cast<double>(o.n_rot) - 1.0, std::ceil(pair_with_turns(o.yarn.beta_slow, o)));
    const double log_factor = kernels::recipe_log64(std::max(1.0, o.yarn.factor));
    rope.magnitude *= static_cast<float>(o.yarn.attention * (1.0 + 0.1 * log_factor));
  }
  for (std::size_t i = 0; i < rope.frequencies.size(); ++i) {
    double f = kernels::recipe_pow(o.base, -2.0 * static_cast<double>(i) / static_cast<double>(o.n_rot));
    if (!o.factors.empty()) f /= o.factors[i];
    if (yarn) {
      const double ramp = std::clamp((static_cast<double>(i) - low) / std::max(0.001, high - low), 0.0, 1.0);
      const double plain_share = (1.0 - ramp) * o.yarn.extrapolation;  // 1: short wavelengths stay as they are
      f = f / o.yarn.factor * (1.0 - plain_share) + f * plain_share;
    } else {
      f /= o.linear_factor;
    }
    rope.frequencies[i] = f;
  }
  return rope;
}

}  // namespace hearth::ops
