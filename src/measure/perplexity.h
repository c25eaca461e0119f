// How well a model predicts a text, and how far it is from another model: the quality cost of a quantization as
// numbers.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::measure {

struct PerplexityOptions {
  /// The text is cut into windows of this many tokens; 0: 512, or what the model was trained for if that is less.
  std::size_t window = 0;
  KvStorage kv = KvStorage::kF16;
  std::size_t ubatch = 512;
  CancelCheck cancelled;
  /// Called after each window.
  std::function<void(std::size_t done, std::size_t n_windows, double nll)> progress;
};

/// Distances in nats per scored token; p is the reference, q the model.
struct Comparison {
  double nll = 0;      // of the reference
  double kl_mean = 0;  // sum p log(p / q)
  double kl_max = 0;
  double top1_agreement = 0;  // share of positions whose best token is the same
};

struct PerplexityReport {
  std::size_t n_tokens = 0;  // of the text
  std::size_t n_windows = 0;
  std::size_t n_scored = 0;
  double nll = 0;         // mean of -log q(token), nats
  double nll_error = 0;   // standard error of that mean
  double perplexity = 0;  // exp(nll)
  std::optional<Comparison> against;
};

/// Every window starts with the model's BOS, if it has one, in place of its first token. Every token that
/// has more than half a window before it is scored; a text that fits one window is
/// scored from its second token on. What is left behind the last whole window is not scored. `reference` may be null;
/// it must have the same vocabulary size.
Result<PerplexityReport> measure_perplexity(LanguageModel& model, LanguageModel* reference,
                                            std::span<const Token> tokens, const PerplexityOptions& options);

}  // namespace hearth::measure
