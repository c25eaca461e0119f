// Sampling flags to SamplerOptions; the ranges are the sampler's, the defaults come from include/hearth.
#include "cli/sampling_flags.h"

#include <charconv>
#include <limits>
#include <random>

#include <fmt/format.h>

namespace hearth::cli {

namespace {

constexpr float kFar = 1e6f;
constexpr std::int32_t kLongestWindow = 1 << 30;

std::string with_default(std::string_view help, auto value) {
  return fmt::format("{} (default: {})", help, value);
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
  SamplerOptions& o = values_;
  flags.toggle("--greedy", greedy_, "Always take the most likely token (temperature 0)");
  flags.number("--temperature", o.temperature, 0, 100,
               with_default("Divide logits by this; 0 is greedy", o.temperature));
  flags.integer("--top-k", o.top_k, 0, kLongestWindow, with_default("Keep the k best tokens; 0 = off", o.top_k));
  flags.number("--top-p", o.top_p, 0, 1,
               with_default("Keep the best tokens that hold this probability; 1 = off", o.top_p));
  flags.number("--min-p", o.min_p, 0, 1,
               with_default("Keep tokens this likely compared with the best; 0 = off", o.min_p));
  flags.number("--typical-p", o.typical_p, 0, 1, with_default("Keep tokens of typical surprise; 1 = off", o.typical_p));
  flags.number("--repetition-penalty", o.repetition_penalty, 0.01f, 100,
               with_default("Penalise tokens said before; 1 = off", o.repetition_penalty));
  flags.number("--presence-penalty", o.presence_penalty, -kFar, kFar,
               with_default("Subtract from tokens said before", o.presence_penalty));
  flags.number("--frequency-penalty", o.frequency_penalty, -kFar, kFar,
               with_default("Subtract per time a token was said", o.frequency_penalty));
  flags.integer("--penalty-window", o.penalty_window, -1, kLongestWindow,
                with_default("Tokens looked back; -1 = all", o.penalty_window));
  flags.texts("--logit-bias", logit_bias_, "ID=BIAS", "Add to a token's logit; -inf bans it; repeatable");
  flags.number("--dry-multiplier", o.dry.multiplier, 0, kFar,
               with_default("Penalise longer repetitions; 0 = off", o.dry.multiplier));
  flags.number("--dry-base", o.dry.base, 1, 100, with_default("Growth of that penalty per token", o.dry.base));
  flags.integer("--dry-allowed-length", o.dry.allowed_length, 0, kLongestWindow,
                with_default("Repetitions up to this are free", o.dry.allowed_length));
  flags.integer("--dry-window", o.dry.window, -1, kLongestWindow,
                with_default("Tokens looked back; -1 = all", o.dry.window));
  flags.number("--xtc-probability", o.xtc.probability, 0, 1,
               with_default("Chance of removing the obvious tokens; 0 = off", o.xtc.probability));
  flags.number("--xtc-threshold", o.xtc.threshold, 0, 1, with_default("What counts as obvious", o.xtc.threshold));
  flags.integer("--mirostat", o.mirostat.version, 0, 2,
                with_default("Hold the surprise steady: version 1 or 2; 0 = off", o.mirostat.version));
  flags.number("--mirostat-tau", o.mirostat.tau, 0, 100, with_default("The surprise to hold, in bits", o.mirostat.tau));
  flags.number("--mirostat-eta", o.mirostat.eta, 0, 1, with_default("How fast it is corrected", o.mirostat.eta));
  flags.text("--sample-order", order_, "STEPS", "The steps and their order, such as penalties,top_k,temperature");
  flags.count("--seed", seed_, 0, std::numeric_limits<std::size_t>::max(),
              "Same seed, same text (default: a fresh one, shown at the end)");
  flags.count("--logprobs", n_logprobs_, 0, 1000, "With --json: log-probabilities of the N best tokens too");
}

Checked<SamplerOptions> SamplingFlags::options() const {
  SamplerOptions options = values_;
  if (greedy_) options.temperature = 0;
  if (seed_) {
    options.seed = *seed_;
  } else if (options.temperature > 0) {
    options.seed = std::random_device()();
  }
  for (const std::string& text : logit_bias_) {
    HEARTH_TRY(const LogitBias bias, parse_bias(text));
    options.logit_bias.push_back(bias);
  }
  if (!order_.empty()) {
    auto order = parse_sample_order(order_);
    if (!order) return usage_error("--sample-order: " + order.error().message);
    options.order = std::move(*order);
  }
  if (n_logprobs_) options.n_logprobs = static_cast<std::int32_t>(*n_logprobs_);
  return options;
}

}  // namespace hearth::cli
