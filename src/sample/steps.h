// The maps and filters of the chain, each a small pure function of the candidates. Every filter keeps at least one
// candidate, keeps ids ascending, and settles ties for the lower id. None accepts an empty set of candidates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hearth/sampling.h"

namespace hearth::sample {

/// Keeps the candidates at `kept` (ascending indexes).
void keep(Candidates& candidates, std::span<const std::size_t> kept);

/// Adds each bias to its token's logit; a token whose logit becomes -infinity is removed. May leave none.
void apply_logit_bias(Candidates& candidates, std::span<const LogitBias> biases);
/// logit / temperature; temperature > 0.
void apply_temperature(Candidates& candidates, float temperature);
/// Keeps the k best; k > 0.
void apply_top_k(Candidates& candidates, std::size_t k);
/// Keeps the smallest leading group, by probability, that holds at least p of it (Holtzman et al. 2019, nucleus).
void apply_top_p(Candidates& candidates, double p);
/// Keeps tokens at least min_p times as likely as the best (Nguyen et al. 2024).
void apply_min_p(Candidates& candidates, double min_p);
/// Keeps the tokens whose surprise is nearest to the entropy, until they hold at least p (Meister et al. 2022).
void apply_typical(Candidates& candidates, double p);
/// Removes every token of probability `threshold` or more except the least likely of them (ties: the highest id stays
/// last in order, so it is the one that remains). The caller has already drawn whether the step runs.
void apply_xtc(Candidates& candidates, double threshold);

/// The index of the largest logit, the first on ties.
std::size_t best_index(const Candidates& candidates);

}  // namespace hearth::sample
