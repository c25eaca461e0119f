// Ranges of the sampling options, and the names of the steps.
#include "sample/options_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace hearth {

namespace {

constexpr std::array<std::pair<SampleStep, std::string_view>, 11> kSteps = {{{SampleStep::kLogitBias, "logit_bias"},
                                                                             {SampleStep::kPenalties, "penalties"},
                                                                             {SampleStep::kDry, "dry"},
                                                                             {SampleStep::kCustom, "custom"},
                                                                             {SampleStep::kTopK, "top_k"},
                                                                             {SampleStep::kTypical, "typical"},
                                                                             {SampleStep::kTopP, "top_p"},
                                                                             {SampleStep::kMinP, "min_p"},
                                                                             {SampleStep::kXtc, "xtc"},
                                                                             {SampleStep::kTemperature, "temperature"},
                                                                             {SampleStep::kMirostat, "mirostat"}}};

std::string known_steps() {
  std::string names;
  for (const auto& [step, name] : kSteps) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

}  // namespace

std::string_view sample_step_name(SampleStep step) {
  for (const auto& [known, name] : kSteps) {
    if (known == step) return name;
  }
  return "unknown";
}

std::vector<SampleStep> default_sample_order() {
  std::vector<SampleStep> order;
  for (const auto& [step, name] : kSteps) order.push_back(step);
  return order;
}

Result<std::vector<SampleStep>> parse_sample_order(std::string_view text) {
  std::vector<SampleStep> order;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto found =
        std::find_if(kSteps.begin(), kSteps.end(), [&](const auto& entry) { return entry.second == name; });
    if (found == kSteps.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("sampling order: \"{}\" is no step; the steps are {}", name, known_steps()));
    }
    if (std::find(order.begin(), order.end(), found->first) != order.end()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("sampling order: \"{}\" stands twice", name));
    }
    order.push_back(found->first);
  }
  return order;
}

namespace sample {

namespace {

/// Collects the first complaint, so that the table below reads as a table.
class RangeCheck {
 public:
  RangeCheck& between(std::string_view name, double value, double low, double high, std::string_view meaning = "") {
    if (status_ && !(value >= low && value <= high)) {
      status_ = fail(ErrorCode::kInvalidArgument, fmt::format("sampling: {} is {:.6g}, expected {:.10g} to {:.10g}{}",
                                                              name, value, low, high, meaning));
    }
    return *this;
  }
  RangeCheck& more_than(std::string_view name, double value, double low, double high) {
    if (status_ && !(value > low && value <= high)) {
      status_ = fail(ErrorCode::kInvalidArgument,
                     fmt::format("sampling: {} is {:.6g}, expected more than {:.10g} and at most {:.10g}", name, value,
                                 low, high));
    }
    return *this;
  }
  RangeCheck& that(bool holds, std::string_view otherwise) {
    if (status_ && !holds) status_ = fail(ErrorCode::kInvalidArgument, fmt::format("sampling: {}", otherwise));
    return *this;
  }
  [[nodiscard]] Status status() && { return std::move(status_); }

 private:
  Status status_;
};

constexpr double kManyTokens = 1 << 30;

void check_ids(RangeCheck& check, const SamplerOptions& o, std::int32_t vocab_size) {
  for (const LogitBias& bias : o.logit_bias) {
    check.between("the token of a logit bias", bias.id, 0, vocab_size - 1, " (the vocabulary)");
    check.that(!std::isnan(bias.bias) && bias.bias < std::numeric_limits<float>::infinity(),
               fmt::format("the logit bias of token {} is {}, expected a number or -infinity", bias.id, bias.bias));
  }
  for (const std::int32_t id : o.dry.breakers) {
    check.between("a token of dry.breakers", id, 0, vocab_size - 1, " (the vocabulary)");
  }
  for (const SampleStep step : o.order) {
    check.that(sample_step_name(step) != "unknown", "the order holds an unknown step");
    check.that(std::count(o.order.begin(), o.order.end(), step) == 1,
               fmt::format("the order names {} twice", sample_step_name(step)));
  }
}

}  // namespace

Status check_options(const SamplerOptions& o, std::int32_t vocab_size) {
  RangeCheck check;
  check.between("vocab_size", vocab_size, 1, 1 << 23)
      .between("temperature", o.temperature, 0, 100, " (0 is greedy)")
      .that(o.temperature == 0 || o.temperature >= 1e-4f, "temperature is above 0 but below 0.0001; use 0 for greedy")
      .between("top_k", o.top_k, 0, kManyTokens, " (0 is off)")
      .more_than("top_p", o.top_p, 0, 1)
      .between("min_p", o.min_p, 0, 1, " (0 is off)")
      .more_than("typical_p", o.typical_p, 0, 1)
      .more_than("repetition_penalty", o.repetition_penalty, 0, 100)
      .between("presence_penalty", o.presence_penalty, -100, 100)
      .between("frequency_penalty", o.frequency_penalty, -100, 100)
      .between("penalty_window", o.penalty_window, -1, kManyTokens, " (-1 is everything, 0 nothing)")
      .between("dry.multiplier", o.dry.multiplier, 0, 100, " (0 is off)")
      .between("dry.base", o.dry.base, 1, 100)
      .between("dry.allowed_length", o.dry.allowed_length, 0, kManyTokens)
      .between("dry.window", o.dry.window, -1, kManyTokens, " (-1 is everything)")
      .between("xtc.probability", o.xtc.probability, 0, 1, " (0 is off)")
      .more_than("xtc.threshold", o.xtc.threshold, 0, 1)
      .between("mirostat.version", o.mirostat.version, 0, 2, " (0 is off)")
      .more_than("mirostat.tau", o.mirostat.tau, 0, 100)
      .more_than("mirostat.eta", o.mirostat.eta, 0, 1)
      .between("n_logprobs", o.n_logprobs.value_or(0), 0, vocab_size, " (the vocabulary)");
  check_ids(check, o, vocab_size);
  return std::move(check).status();
}

}  // namespace sample

}  // namespace hearth
