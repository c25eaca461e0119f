// From logits to the first candidates: all tokens that may be drawn or, where the chain allows it, only those that can
// still matter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hearth/sampling.h"

namespace hearth::sample {

/// Tokens that are allowed (see SampleInput) and have a logit above -infinity.
Candidates all_candidates(std::span<const float> logits, std::span<const std::uint32_t> allowed);

/// When the chain reaches top_k before any step that looks at every logit, whoever is outside the best
/// top_k + n(touched) tokens and untouched by bias and penalties cannot be among the k best afterwards. Taking only
/// those others gives the same choice and spares building a list as long as the vocabulary.
Candidates candidates_for(const SamplerOptions& options, std::span<const float> logits,
                          std::span<const std::uint32_t> allowed, std::span<const std::int32_t> recent);

}  // namespace hearth::sample
