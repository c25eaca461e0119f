// Sampling flags to SamplerOptions; the ranges are the sampler's, the defaults come from include/hearth.
#include "cli/sampling_flags.h"

#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace hearth::cli {

namespace {

constexpr float kFar = 1e6f;
constexpr std::int32_t kLongestWindow = 1 << 30;

std::string with_default(std::string_view help, auto value) {
  return fmt::format("{} (usually {})", help, value);
}

/// "ID=BIAS"; a bias of -inf bans the token.
Checked<LogitBias> parse_bias(std::string_view text) {
  LogitBias bias;
  const std::size_t equals = text.find('=');
  const std::string_view id = text.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  const auto parsed_id = std::from_chars(id.data(), id.data() + id.size(), bias.id);
  const auto parsed_value = std::from_chars(value.data(), value.data() + value.size(), bias.bias);
  if (id.empty() || value.empty() || parsed_id.ec != std::errc() || parsed_id.ptr != id.data() + id.size() ||
      parsed_value.ec != std::errc() || parsed_value.ptr != value.data() + value.size())
    return usage_error(fmt::format("--logit-bias: expected ID=BIAS such as 42=-5 or 42=-inf, found \"{}\"", text));
  return bias;
}

}  // namespace

void SamplingFlags::declare(Flags& flags) {
  const SamplerOptions usual;  // where neither the model nor anyone else says otherwise
  flags.toggle("--greedy", greedy_, "Always take the most likely token (temperature 0)");
  flags.number("--temperature", values_.temperature, 0, 100,
               with_default("Divide logits by this; 0 is greedy", usual.temperature));
  flags.integer("--top-k", values_.top_k, 0, kLongestWindow,
                with_default("Keep the k best tokens; 0 = off", usual.top_k));
  flags.number("--top-p", values_.top_p, 0, 1,
               with_default("Keep the best tokens that hold this probability; 1 = off", usual.top_p));
  flags.number("--min-p", values_.min_p, 0, 1,
               with_default("Keep tokens this likely compared with the best; 0 = off", usual.min_p));
  flags.number("--typical-p", values_.typical_p, 0, 1,
               with_default("Keep tokens of typical surprise; 1 = off", usual.typical_p));
  flags.number("--repetition-penalty", values_.repetition_penalty, 0.01f, 100,
               with_default("Penalise tokens said before; 1 = off", usual.repetition_penalty));
  flags.number("--presence-penalty", values_.presence_penalty, -kFar, kFar,
               with_default("Subtract from tokens said before", usual.presence_penalty));
  flags.number("--frequency-penalty", values_.frequency_penalty, -kFar, kFar,
               with_default("Subtract per time a token was said", usual.frequency_penalty));
  flags.integer("--penalty-window", values_.penalty_window, -1, kLongestWindow,
                with_default("Tokens looked back; -1 = all", usual.penalty_window));
  flags.texts("--logit-bias", logit_bias_, "ID=BIAS", "Add to a token's logit; -inf bans it; repeatable");
  flags.number("--dry-multiplier", dry_multiplier_, 0, kFar,
               with_default("Penalise longer repetitions; 0 = off", usual.dry.multiplier));
  flags.number("--dry-base", dry_.base, 1, 100, with_default("Growth of that penalty per token", usual.dry.base));
  flags.integer("--dry-allowed-length", dry_.allowed_length, 0, kLongestWindow,
                with_default("Repetitions up to this are free", usual.dry.allowed_length));
  flags.integer("--dry-window", dry_.window, -1, kLongestWindow,
                with_default("Tokens looked back; -1 = all", usual.dry.window));
  flags.number("--xtc-probability", xtc_probability_, 0, 1,
               with_default("Chance of removing the obvious tokens; 0 = off", usual.xtc.probability));
  flags.number("--xtc-threshold", xtc_.threshold, 0, 1, with_default("What counts as obvious", usual.xtc.threshold));
  flags.integer("--mirostat", mirostat_version_, 0, 2,
                with_default("Hold the surprise steady: version 1 or 2; 0 = off", usual.mirostat.version));
  flags.number("--mirostat-tau", mirostat_.tau, 0, 100,
               with_default("The surprise to hold, in bits", usual.mirostat.tau));
  flags.number("--mirostat-eta", mirostat_.eta, 0, 1, with_default("How fast it is corrected", usual.mirostat.eta));
  flags.text("--sample-order", order_, "STEPS", "The steps and their order, such as penalties,top_k,temperature");
  flags.count("--seed", seed_, 0, std::numeric_limits<std::size_t>::max(),
              "Same seed, same text (default: a fresh one, shown at the end)");
  flags.count("--logprobs", n_logprobs_, 0, 1000, "With `run --json`: log-probabilities of the N best tokens too");
}

Checked<SamplingRequest> SamplingFlags::request() const {
  const bool draws =
      (values_.temperature && *values_.temperature != 0) || (mirostat_version_ && *mirostat_version_ != 0);
  if (greedy_ && draws)
    return usage_error("--greedy always takes the most likely token: it excludes --temperature and --mirostat");
  SamplingRequest request = values_;
  if (greedy_) request.temperature = 0;
  if (seed_) request.seed = *seed_;
  if (dry_multiplier_) {
    request.dry = dry_;
    request.dry->multiplier = *dry_multiplier_;
  }
  if (xtc_probability_) {
    request.xtc = xtc_;
    request.xtc->probability = *xtc_probability_;
  }
  if (mirostat_version_) {
    request.mirostat = mirostat_;
    request.mirostat->version = *mirostat_version_;
  }
  for (const std::string& text : logit_bias_) {
    HEARTH_TRY(const LogitBias bias, parse_bias(text));
    request.logit_bias.push_back(bias);
  }
  if (!order_.empty()) {
    auto order = parse_sample_order(order_);
    if (!order) return usage_error("--sample-order: " + order.error().message);
    request.order = std::move(*order);
  }
  if (n_logprobs_) request.n_logprobs = static_cast<std::int32_t>(*n_logprobs_);
  return request;
}

}  // namespace hearth::cli
