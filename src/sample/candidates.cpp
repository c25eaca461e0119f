// Building the candidates, with a shortcut that the tests compare with the full list.
#include "sample/candidates.h"

#include <algorithm>
#include <limits>

#include "sample/mass.h"
#include "sample/repetition.h"
#include "sample/select.h"

namespace hearth::sample {

namespace {

/// Whether only steps that change single tokens stand before an active top_k.
bool top_k_comes_first(const SamplerOptions& options) {
  if (options.top_k <= 0 || options.temperature == 0 || options.mirostat.version != 0) return false;
  for (const SampleStep step : options.order) {
    if (step == SampleStep::kTopK) return true;
    const bool single = step == SampleStep::kLogitBias || step == SampleStep::kPenalties || step == SampleStep::kDry ||
                        (step == SampleStep::kCustom && !options.custom.apply);
    if (!single) return false;
  }
  return false;
}

/// Every token whose logit bias or penalties may change, ascending and unique.
std::vector<std::int32_t> touched_tokens(const SamplerOptions& options, std::span<const std::int32_t> recent,
                                         std::size_t vocab_size) {
  std::vector<std::int32_t> touched;
  for (const LogitBias& bias : options.logit_bias) touched.push_back(bias.id);
  const auto add = [&](std::span<const std::int32_t> window) {
    touched.insert(touched.end(), window.begin(), window.end());
  };
  if (penalises(options)) add(last_tokens(recent, options.penalty_window));
  if (options.dry.multiplier > 0) add(last_tokens(recent, options.dry.window));
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  std::erase_if(touched, [&](std::int32_t id) { return id < 0 || static_cast<std::size_t>(id) >= vocab_size; });
  return touched;
}

bool may_be_drawn(std::span<const float> logits, std::span<const std::uint32_t> allowed, std::size_t i) {
  return logits[i] > -std::numeric_limits<float>::infinity() &&
         (allowed.empty() || (allowed[i / 32] >> (i % 32) & 1u) != 0);
}

}  // namespace

Candidates all_candidates(std::span<const float> logits, std::span<const std::uint32_t> allowed) {
  Candidates candidates;
  candidates.ids.resize(logits.size());
  candidates.logits.resize(logits.size());
  std::size_t n = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    candidates.ids[n] = static_cast<std::int32_t>(i);
    candidates.logits[n] = std::min(logits[i], kLargestLogit);
    n += static_cast<std::size_t>(may_be_drawn(logits, allowed, i));
  }
  candidates.ids.resize(n);
  candidates.logits.resize(n);
  return candidates;
}

Candidates candidates_for(const SamplerOptions& options, std::span<const float> logits,
                          std::span<const std::uint32_t> allowed, std::span<const std::int32_t> recent) {
  if (!top_k_comes_first(options)) return all_candidates(logits, allowed);
  const std::vector<std::int32_t> touched = touched_tokens(options, recent, logits.size());
  std::vector<std::size_t> kept = largest(logits, static_cast<std::size_t>(options.top_k) + touched.size(), allowed);
  for (const std::int32_t id : touched) {
    if (may_be_drawn(logits, allowed, static_cast<std::size_t>(id))) kept.push_back(static_cast<std::size_t>(id));
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  Candidates candidates;
  for (const std::size_t i : kept) {
    candidates.ids.push_back(static_cast<std::int32_t>(i));
    candidates.logits.push_back(std::min(logits[i], kLargestLogit));
  }
  return candidates;
}

}  // namespace hearth::sample
