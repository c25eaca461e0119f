// Sampler: candidates from logits, the steps in order, then one draw by mass in ascending id.
#include "sample/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sample/candidates.h"
#include "sample/exact_math.h"
#include "sample/mass.h"
#include "sample/options_check.h"
#include "sample/random.h"
#include "sample/repetition.h"
#include "sample/select.h"
#include "sample/steps.h"

namespace hearth::sample {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool is_truncation(SampleStep step) {
  return step == SampleStep::kTopK || step == SampleStep::kTypical || step == SampleStep::kTopP ||
         step == SampleStep::kMinP || step == SampleStep::kXtc;
}

}  // namespace

Result<Sampler> Sampler::make(SamplerOptions options, std::int32_t vocab_size) {
  HEARTH_CHECK(check_options(options, vocab_size));
  return Sampler(std::move(options), vocab_size);
}

Sampler::Sampler(SamplerOptions options, std::int32_t vocab_size)
    : options_(std::move(options)), vocab_size_(vocab_size) {}

bool Sampler::runs(SampleStep step) const {
  if (options_.mirostat.version != 0 && is_truncation(step)) return false;
  if (options_.temperature > 0) return true;
  return !is_truncation(step) && step != SampleStep::kTemperature && step != SampleStep::kMirostat;
}

Status Sampler::run_custom(Candidates& candidates, const SampleInput& input) const {
  if (!options_.custom.apply) return {};
  HEARTH_CHECK(options_.custom.apply(candidates, input.recent, input.position));
  const auto wrong = [](std::string what) {
    return fail(ErrorCode::kInvalidArgument, "after the custom sampling step " + std::move(what));
  };
  if (candidates.ids.size() != candidates.logits.size()) {
    return wrong(fmt::format("{} ids stand beside {} logits; expected as many", candidates.ids.size(),
                             candidates.logits.size()));
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::int32_t id = candidates.ids[i];
    if (id < 0 || id >= vocab_size_ || (i > 0 && id <= candidates.ids[i - 1])) {
      return wrong(fmt::format("id {} stands at place {}; expected ids of the vocabulary, ascending", id, i));
    }
    if (!std::isfinite(candidates.logits[i])) {
      return wrong(fmt::format("token {} has no finite logit; remove the candidate to ban it", id));
    }
  }
  return {};
}

Status Sampler::run_step(SampleStep step, Candidates& candidates, const SampleInput& input) const {
  const SamplerOptions& o = options_;
  switch (step) {
    case SampleStep::kLogitBias: apply_logit_bias(candidates, o.logit_bias); break;
    case SampleStep::kPenalties:
      if (penalises(o)) {
        apply_penalties(candidates, last_tokens(input.recent, o.penalty_window),
                        {o.repetition_penalty, o.presence_penalty, o.frequency_penalty});
      }
      break;
    case SampleStep::kDry:
      if (o.dry.multiplier > 0) apply_dry(candidates, last_tokens(input.recent, o.dry.window), o.dry);
      break;
    case SampleStep::kCustom: return run_custom(candidates, input);
    case SampleStep::kTopK:
      if (o.top_k > 0) apply_top_k(candidates, static_cast<std::size_t>(o.top_k));
      break;
    case SampleStep::kTypical: apply_typical(candidates, o.typical_p); break;
    case SampleStep::kTopP: apply_top_p(candidates, o.top_p); break;
    case SampleStep::kMinP: apply_min_p(candidates, o.min_p); break;
    case SampleStep::kXtc: {
      const auto bits = random_bits(o.seed, o.choice, input.position, Purpose::kXtc);
      const double u = static_cast<double>(bits >> 11) * 0x1p-53;
      if (u < o.xtc.probability) apply_xtc(candidates, o.xtc.threshold);
      break;
    }
    case SampleStep::kTemperature: apply_temperature(candidates, o.temperature); break;
    case SampleStep::kMirostat: break;  // runs last of all, see sample()
  }
  return {};
}

Result<Choice> Sampler::sample(const SampleInput& input) const {
  const auto vocab_size = static_cast<std::size_t>(vocab_size_);
  if (input.logits.size() != vocab_size) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("sampling: {} logits were given, the vocabulary has {} tokens",
                                                         input.logits.size(), vocab_size));
  }
  if (!input.allowed.empty() && input.allowed.size() != (vocab_size + 31) / 32) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("sampling: the token mask has {} words, expected {}",
                                                         input.allowed.size(), (vocab_size + 31) / 32));
  }
  Candidates candidates = candidates_for(options_, input.logits, input.allowed, input.recent);
  const auto none_left = [&](std::string_view after) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("sampling: no token can be drawn after {}: all {} are masked, banned or without a finite "
                            "logit; loosen the constraint or the bias",
                            after, vocab_size));
  };
  if (candidates.empty()) {
    const bool any = std::ranges::any_of(input.logits, [](float logit) { return logit > -kInfinity; });
    if (any) return none_left("the mask");
    return fail(ErrorCode::kDecodeFailed,
                fmt::format("the model gave no number by which any of its {} tokens could be drawn: its weights are "
                            "damaged, or its engine fails; `hearth verify` reads them again, `hearth doctor` looks for "
                            "the cause",
                            vocab_size));
  }
  for (const SampleStep step : options_.order) {
    if (!runs(step)) continue;
    HEARTH_CHECK(run_step(step, candidates, input));
    if (candidates.empty()) return none_left(sample_step_name(step));
  }

  Choice choice;
  choice.mirostat = input.mirostat;
  const bool mirostat = options_.mirostat.version != 0 && options_.temperature > 0;
  if (options_.temperature == 0) {
    choice.id = candidates.ids[best_index(candidates)];
  } else {
    const double log_total = mirostat ? log_sum_exp(mass_sums_of(candidates.logits)) : 0;
    if (mirostat) apply_mirostat(candidates, options_.mirostat, input.mirostat, vocab_size_);
    const auto bits = random_bits(options_.seed, options_.choice, input.position, Purpose::kDraw);
    const MassSums sums = mass_sums_of(candidates.logits);
    const std::size_t drawn = find_mass(candidates.logits, sums, scaled(bits, sums.total));
    choice.id = candidates.ids[drawn];
    if (mirostat) {
      const double probability = exact_exp(candidates.logits[drawn] - log_total);
      choice.mirostat = mirostat_next(options_.mirostat, input.mirostat, probability);
    }
  }
  if (options_.n_logprobs) fill_logprobs(input.logits, *options_.n_logprobs, choice);
  return choice;
}

void fill_logprobs(std::span<const float> logits, std::int32_t n, Choice& choice) {
  const double log_total = log_sum_exp(mass_sums_of(logits));
  const auto logprob = [&](std::size_t id) {
    return static_cast<float>(std::min(logits[id], kLargestLogit) - log_total);
  };
  choice.logprob = logprob(static_cast<std::size_t>(choice.id));
  choice.top.clear();
  for (const std::size_t id : largest(logits, static_cast<std::size_t>(n))) {
    choice.top.push_back({static_cast<std::int32_t>(id), logprob(id)});
  }
  std::sort(choice.top.begin(), choice.top.end(), [&](const TokenLogprob& a, const TokenLogprob& b) {
    const float logit_a = std::min(logits[static_cast<std::size_t>(a.id)], kLargestLogit);
    const float logit_b = std::min(logits[static_cast<std::size_t>(b.id)], kLargestLogit);
    return logit_a != logit_b ? logit_a > logit_b : a.id < b.id;
  });
}

}  // namespace hearth::sample
