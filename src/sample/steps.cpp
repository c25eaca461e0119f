// The steps, on masses instead of floating-point probabilities wherever a sum decides.
#include "sample/steps.h"

#include <algorithm>
#include <limits>

#include "sample/exact_math.h"
#include "sample/mass.h"
#include "sample/select.h"

namespace hearth::sample {

void keep(Candidates& candidates, std::span<const std::size_t> kept) {
  for (std::size_t i = 0; i < kept.size(); ++i) {
    candidates.ids[i] = candidates.ids[kept[i]];
    candidates.logits[i] = candidates.logits[kept[i]];
  }
  candidates.ids.resize(kept.size());
  candidates.logits.resize(kept.size());
}

namespace {

template <typename Predicate>
void keep_if(Candidates& candidates, Predicate predicate) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!predicate(i)) continue;
    candidates.ids[n] = candidates.ids[i];
    candidates.logits[n] = candidates.logits[i];
    ++n;
  }
  candidates.ids.resize(n);
  candidates.logits.resize(n);
}

}  // namespace

void apply_logit_bias(Candidates& candidates, std::span<const LogitBias> biases) {
  constexpr float kBanned = -std::numeric_limits<float>::infinity();
  bool banned = false;
  for (const LogitBias& bias : biases) {
    const auto it = std::lower_bound(candidates.ids.begin(), candidates.ids.end(), bias.id);
    if (it == candidates.ids.end() || *it != bias.id) continue;
    float& logit = candidates.logits[static_cast<std::size_t>(it - candidates.ids.begin())];
    logit = std::min(logit + bias.bias, kLargestLogit);
    banned |= logit == kBanned;
  }
  if (banned) keep_if(candidates, [&](std::size_t i) { return candidates.logits[i] != kBanned; });
}

void apply_temperature(Candidates& candidates, float temperature) {
  // Differences from the best, so that a tiny temperature cannot overflow: the best is 0, others fall to -max at worst.
  const float max = max_logit(candidates.logits);
  for (float& logit : candidates.logits) {
    logit = std::max((logit - max) / temperature, std::numeric_limits<float>::lowest());
  }
}

void apply_top_k(Candidates& candidates, std::size_t k) {
  if (k < candidates.size()) keep(candidates, largest(candidates.logits, k));
}

void apply_top_p(Candidates& candidates, double p) {
  if (p >= 1) return;
  const std::uint64_t total = mass_sums_of(candidates.logits).total;
  keep(candidates, leading_mass(candidates.logits, {max_logit(candidates.logits)}, share_of(total, p)));
}

void apply_min_p(Candidates& candidates, double min_p) {
  if (min_p <= 0) return;
  const double floor = max_logit(candidates.logits) + exact_log(min_p);
  keep_if(candidates, [&](std::size_t i) { return candidates.logits[i] >= floor; });
}

void apply_typical(Candidates& candidates, double p) {
  if (p >= 1) return;
  const std::span<const float> logits = candidates.logits;
  const MassSums sums = mass_sums_of(logits);
  const double log_total = log_sum_exp(sums);
  const auto total = static_cast<double>(sums.total);
  double entropy = 0;  // in nats
  MassChunk masses;
  for (std::size_t begin = 0; begin < logits.size(); begin += kChunk) {
    const std::span<const float> chunk = logits.subspan(begin, std::min(kChunk, logits.size() - begin));
    masses_of(chunk, sums.max, masses);
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      entropy += static_cast<double>(masses[i]) / total * (log_total - chunk[i]);
    }
  }
  keep(candidates, leading_mass(logits, {log_total - entropy}, share_of(sums.total, p)));
}

void apply_xtc(Candidates& candidates, double threshold) {
  const MassSums sums = mass_sums_of(candidates.logits);
  const double floor = sums.max + exact_log(static_cast<double>(share_of(sums.total, threshold)) / kMassUnit);
  std::size_t n_above = 0;
  std::size_t survivor = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates.logits[i] < floor) continue;
    if (n_above++ == 0 || candidates.logits[i] <= candidates.logits[survivor]) survivor = i;
  }
  if (n_above < 2) return;
  keep_if(candidates, [&](std::size_t i) { return i == survivor || candidates.logits[i] < floor; });
}

std::size_t best_index(const Candidates& candidates) {
  const auto best = std::max_element(candidates.logits.begin(), candidates.logits.end());
  return static_cast<std::size_t>(best - candidates.logits.begin());
}

}  // namespace hearth::sample
