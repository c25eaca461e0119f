// Mirostat 1 and 2 as in arXiv:2007.14966, on masses.
#include "sample/mirostat.h"

#include <algorithm>
#include <vector>

#include "sample/exact_math.h"
#include "sample/mass.h"
#include "sample/select.h"
#include "sample/steps.h"

namespace hearth::sample {

namespace {

constexpr double kLn2 = 0.6931471805599453;
constexpr std::size_t kRanks = 100;

/// Least squares of log(p_i / p_{i+1}) on log((i + 2) / (i + 1)) through the origin: the exponent of Zipf's law.
double zipf_exponent(const Candidates& candidates) {
  const std::vector<std::size_t> head = largest(candidates.logits, kRanks);
  std::vector<double> logits;
  for (const std::size_t i : head) logits.push_back(candidates.logits[i]);
  std::sort(logits.rbegin(), logits.rend());
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i + 1 < logits.size(); ++i) {
    const double t = exact_log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    products += t * (logits[i] - logits[i + 1]);
    squares += t * t;
  }
  return squares > 0 ? products / squares : 0;
}

std::size_t version_1_k(const Candidates& candidates, double mu, std::int32_t vocab_size) {
  constexpr double kEpsilonFloor = 1e-6;  // s = 1 makes the formula 0 / 0; beside it the limit is met closely enough
  const double s = std::max(zipf_exponent(candidates), kEpsilonFloor);
  double epsilon = s - 1;
  if (epsilon > -kEpsilonFloor && epsilon < kEpsilonFloor) epsilon = kEpsilonFloor;
  const double numerator = epsilon * exact_exp(mu * kLn2);
  const double denominator = 1 - exact_pow(vocab_size, -epsilon);
  const double k = exact_pow(numerator / denominator, 1 / s);
  return static_cast<std::size_t>(std::clamp(k, 1.0, static_cast<double>(candidates.size())));
}

}  // namespace

MirostatState mirostat_start(const MirostatOptions& options) {
  return {2.0 * options.tau};
}

void apply_mirostat(Candidates& candidates, const MirostatOptions& options, const MirostatState& state,
                    std::int32_t vocab_size) {
  if (options.version == 1) {
    apply_top_k(candidates, version_1_k(candidates, state.mu, vocab_size));
    return;
  }
  const double log_total = log_sum_exp(mass_sums_of(candidates.logits));
  const double floor = std::min<double>(log_total - state.mu * kLn2, max_logit(candidates.logits));
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates.logits[i] >= floor) kept.push_back(i);
  }
  keep(candidates, kept);
}

MirostatState mirostat_next(const MirostatOptions& options, const MirostatState& state, double probability) {
  const double surprise = -exact_log(std::max(probability, 1e-30)) / kLn2;
  return {state.mu - options.eta * (surprise - options.tau)};
}

}  // namespace hearth::sample
