// Mirostat: truncates so that the surprise of what is drawn stays near a target; its state is handed in and out.
#pragma once

#include <cstdint>

#include "hearth/sampling.h"

namespace hearth::sample {

struct MirostatState {
  double mu = 0;  // the largest surprise allowed, in bits
};

/// The state before the first token: twice the target.
MirostatState mirostat_start(const MirostatOptions& options);

/// Version 2 keeps tokens of surprise at most mu. Version 1 keeps the k best, k estimated from mu and the slope of the
/// first 100 ranks (Zipf), for a vocabulary of vocab_size.
void apply_mirostat(Candidates& candidates, const MirostatOptions& options, const MirostatState& state,
                    std::int32_t vocab_size);

/// The state after a token that was drawn with this probability from what apply_mirostat had been given.
MirostatState mirostat_next(const MirostatOptions& options, const MirostatState& state, double probability);

}  // namespace hearth::sample
