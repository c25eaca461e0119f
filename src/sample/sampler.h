// The chain: logits in, one token out, by the steps and in the order that the options name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "hearth/sampling.h"
#include "sample/mirostat.h"

namespace hearth::sample {

struct TokenLogprob {
  std::int32_t id = 0;
  float logprob = 0;
};

struct SampleInput {
  std::span<const float> logits;         // [vocab_size]
  std::span<const std::int32_t> recent;  // tokens before this one, oldest first; penalties look back from its end
  std::uint64_t position = 0;            // of the token to be drawn, in its sequence: the counter of the random numbers
  std::span<const std::uint32_t> allowed;  // bit id % 32 of word id / 32 set = may be drawn; empty = all may
  MirostatState mirostat;                  // from mirostat_start, then from the choice before
};

struct Choice {
  std::int32_t id = 0;
  /// log-probability by the model, before any step; only when n_logprobs is given, like `top`.
  std::optional<float> logprob;
  std::vector<TokenLogprob> top;  // best first, ties to the lower id
  MirostatState mirostat;
};

/// A value without hidden state: the same input gives the same choice, on any thread, any number of times.
/// NaN logits count as -infinity, +infinity as the largest float.
class Sampler {
 public:
  /// Checks every option; an error names the option, what it may be and what it was.
  static Result<Sampler> make(SamplerOptions options, std::int32_t vocab_size);

  /// Fails when the spans do not fit the vocabulary, when no token is left to draw (all are masked, banned or without a
  /// finite logit), and when a custom step fails.
  [[nodiscard]] Result<Choice> sample(const SampleInput& input) const;

  [[nodiscard]] const SamplerOptions& options() const { return options_; }
  /// Whether the same input always gives the same choice: false only with a custom step that does not promise it.
  [[nodiscard]] bool replayable() const { return !options_.custom.apply || options_.custom.replayable; }
  [[nodiscard]] MirostatState start() const { return mirostat_start(options_.mirostat); }

 private:
  Sampler(SamplerOptions options, std::int32_t vocab_size);
  [[nodiscard]] Status run_step(SampleStep step, Candidates& candidates, const SampleInput& input) const;
  [[nodiscard]] Status run_custom(Candidates& candidates, const SampleInput& input) const;
  [[nodiscard]] bool runs(SampleStep step) const;

  SamplerOptions options_;
  std::int32_t vocab_size_;
};

/// log-probabilities of `chosen` and of the n most likely tokens, from unchanged logits.
void fill_logprobs(std::span<const float> logits, std::int32_t n, Choice& choice);

}  // namespace hearth::sample
