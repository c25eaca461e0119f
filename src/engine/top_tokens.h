// Answers Want::kTopK from a row of logits, for engines that compute whole rows.
#pragma once

#include <span>

#include "hearth/language_model.h"

namespace hearth {

/// The k best tokens after mask and bias, best first, ties to the lowest id; and the log-sum-exp over the allowed ones.
/// NaN logits are never chosen. Nothing allowed: no tokens, -infinity.
void deliver_top_tokens(const Want& want, std::size_t want_idx, std::span<const float> logits, OutputSink& sink);

}  // namespace hearth
