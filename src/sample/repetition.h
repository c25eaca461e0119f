// Penalties that look at what was said: repetition, presence and frequency, and DRY.
#pragma once

#include <cstdint>
#include <span>

#include "hearth/sampling.h"

namespace hearth::sample {

/// The last `window` tokens of `recent`; all of it when window is -1.
std::span<const std::int32_t> last_tokens(std::span<const std::int32_t> recent, std::int32_t window);

/// Whether any of repetition, presence and frequency penalty is on.
bool penalises(const SamplerOptions& options);

struct PenaltyOptions {
  float repetition = 1;  // positive logits / r, others * r (Keskar et al. 2019, CTRL)
  float presence = 0;
  float frequency = 0;
};

/// For every candidate that occurs n > 0 times in `window`: the repetition rule, then logit - (n * frequency +
/// presence).
void apply_penalties(Candidates& candidates, std::span<const std::int32_t> window, const PenaltyOptions& penalties);

/// See DryOptions. A candidate t is penalised when `window` ends with a stretch that stood earlier, followed by t; the
/// longest such stretch counts. Linear in the window.
void apply_dry(Candidates& candidates, std::span<const std::int32_t> window, const DryOptions& options);

}  // namespace hearth::sample
