// How the next token is chosen, as plain options: the one table of sampling defaults.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth {

/// The steps of the chain. Each maps or filters the candidates; what is left is drawn from by probability.
enum class SampleStep : std::uint8_t {
  kLogitBias,
  kPenalties,  // repetition, presence, frequency
  kDry,
  kCustom,
  kTopK,
  kTypical,
  kTopP,
  kMinP,
  kXtc,
  kTemperature,
  kMirostat,
};

/// The stable name of a step, such as "top_k".
std::string_view sample_step_name(SampleStep step);
/// "penalties,top_k,temperature" -> steps. An unknown or repeated name is an error that lists the known ones.
Result<std::vector<SampleStep>> parse_sample_order(std::string_view text);
/// The order used when nobody says: the order of the enum.
std::vector<SampleStep> default_sample_order();

/// Tokens that may still be drawn: ids ascending and unique, logits finite, both of the same length.
struct Candidates {
  std::vector<std::int32_t> ids;
  std::vector<float> logits;

  [[nodiscard]] std::size_t size() const { return ids.size(); }
  [[nodiscard]] bool empty() const { return ids.empty(); }
};

struct LogitBias {
  std::int32_t id = 0;
  float bias = 0;  // added to the logit; -infinity bans the token
};

/// A caller's own step. It may change logits and remove candidates; it must keep ids ascending.
struct CustomStep {
  std::function<Status(Candidates& candidates, std::span<const std::int32_t> recent, std::uint64_t position)> apply;
  /// True when the same arguments always give the same result. Otherwise speculation is switched off.
  bool replayable = false;
};

/// Penalises a token that would continue a repetition of earlier text, more the longer the repeated stretch is:
/// multiplier * base^(length - allowed_length). Off while multiplier is 0.
struct DryOptions {
  float multiplier = 0;
  float base = 1.75f;
  std::int32_t allowed_length = 2;
  std::int32_t window = -1;            // tokens looked back; -1 = all of `recent`
  std::vector<std::int32_t> breakers;  // token ids that no repetition reaches across
};

/// With `probability`, removes every token of at least `threshold` but the least likely of them. Off while 0.
struct XtcOptions {
  float probability = 0;
  float threshold = 0.1f;
};

/// Holds the surprise of the text near `tau` bits (Basu et al. 2021, arXiv:2007.14966). It replaces top_k, typical,
/// top_p, min_p and xtc. Its state is a value: MirostatState in, MirostatState out.
struct MirostatOptions {
  std::int32_t version = 0;  // 0 = off, 1, 2
  float tau = 5;
  float eta = 0.1f;
};

struct SamplerOptions {
  /// Logits are divided by it; 0 = greedy: the best token after bias, penalties, DRY and custom, lowest id on ties.
  float temperature = 0.8f;
  std::int32_t top_k = 40;           // 0 = off
  float top_p = 0.95f;               // 1 = off
  float min_p = 0.05f;               // 0 = off
  float typical_p = 1;               // 1 = off
  float repetition_penalty = 1;      // 1 = off; positive logits are divided by it, negative ones multiplied
  float presence_penalty = 0;        // subtracted once from every token in the window
  float frequency_penalty = 0;       // subtracted once per occurrence
  std::int32_t penalty_window = 64;  // tokens looked back; -1 = all of `recent`, 0 = none
  DryOptions dry;
  XtcOptions xtc;
  MirostatOptions mirostat;
  std::vector<LogitBias> logit_bias;
  CustomStep custom;
  /// A step that is not named does not run.
  std::vector<SampleStep> order = default_sample_order();
  std::uint64_t seed = 0;
  std::uint32_t choice = 0;  // which of several replies to the same request
  /// The log-probabilities of this many best tokens, before any step; absent = not even the chosen one's.
  std::optional<std::int32_t> n_logprobs;
};

}  // namespace hearth
