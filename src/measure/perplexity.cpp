// Perplexity and distance over windows; rows of logits are handled in portions, never kept whole.
#include "measure/perplexity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace hearth::measure {

namespace {

constexpr std::size_t kUsualWindow = 512;
constexpr std::size_t kSmallestWindow = 4;
constexpr std::size_t kPortionBytes = 64u << 20;  // logits of the reference held at once

double log_sum_exp(std::span<const float> logits) {
  const double max = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  return max + std::log(sum);
}

std::size_t best(std::span<const float> logits) {
  return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

/// Sums over all scored positions.
struct Totals {
  std::size_t n = 0, n_same_best = 0;
  double nll = 0, nll_squares = 0, reference_nll = 0, kl = 0, kl_max = 0;
};

/// Scores rows of the model, beside the reference's logits of the same rows where there are any.
class Scorer final : public OutputSink {
 public:
  Scorer(std::span<const Token> targets, std::span<const std::vector<float>> reference, Totals& totals)
      : targets_(targets), reference_(reference), totals_(totals) {}

  void row(std::size_t want_idx, std::span<const float> q) override {
    const auto target = static_cast<std::size_t>(targets_[want_idx]);
    const double q_total = log_sum_exp(q);
    const double nll = q_total - q[target];
    ++totals_.n;
    totals_.nll += nll;
    totals_.nll_squares += nll * nll;
    if (reference_.empty()) return;
    const std::vector<float>& p = reference_[want_idx];
    const double p_total = log_sum_exp(p);
    double kl = 0;
    for (std::size_t t = 0; t < q.size(); ++t) {
      const double log_p = p[t] - p_total;
      kl += std::exp(log_p) * (log_p - (q[t] - q_total));
    }
    totals_.reference_nll += p_total - p[target];
    totals_.kl += kl;
    totals_.kl_max = std::max(totals_.kl_max, kl);
    totals_.n_same_best += best(p) == best(q);
  }

 private:
  std::span<const Token> targets_;
  std::span<const std::vector<float>> reference_;
  Totals& totals_;
};

/// Runs windows through one model or two side by side.
class Measurement {
 public:
  Measurement(LanguageModel& model, LanguageModel* reference, const PerplexityOptions& options)
      : model_(model), reference_(reference), options_(options) {}

  /// Scores the tokens at [first_scored, window.size()) of a window.
  Status run_window(std::span<const Token> window, std::size_t first_scored) {
    const SequenceOptions sequence_options{.n_ctx = window.size(), .kv = options_.kv};
    HEARTH_TRY(const SequenceId id, model_.create_sequence(sequence_options));
    const ScopedSequence sequence(model_, id);
    std::optional<ScopedSequence> reference_sequence;
    if (reference_) {
      HEARTH_TRY(const SequenceId other, reference_->create_sequence(sequence_options));
      reference_sequence.emplace(*reference_, other);
    }
    const std::size_t row_bytes = model_.info().vocab_size * sizeof(float);
    const std::size_t portion =
        reference_ ? std::clamp<std::size_t>(kPortionBytes / row_bytes, 1, window.size()) : window.size();
    // The last token is only a target.
    for (std::size_t begin = 0; begin + 1 < window.size(); begin += portion) {
      const std::size_t n = std::min(portion, window.size() - 1 - begin);
      std::vector<Want> wants;
      std::vector<Token> targets;
      for (std::size_t row = 0; row < n; ++row) {
        if (begin + row + 1 < first_scored) continue;
        wants.push_back({.item_idx = 0, .row = row});
        targets.push_back(window[begin + row + 1]);
      }
      RowCollector collector;
      if (reference_)
        HEARTH_CHECK(evaluate(*reference_, reference_sequence->id(), window.subspan(begin, n), wants, collector));
      Scorer scorer(targets, collector.rows, totals);
      HEARTH_CHECK(evaluate(model_, id, window.subspan(begin, n), wants, scorer));
    }
    return {};
  }

  Totals totals;

 private:
  Status evaluate(LanguageModel& model, SequenceId id, std::span<const Token> tokens, std::span<const Want> wants,
                  OutputSink& sink) const {
    const Item item{.sequence = id, .tokens = tokens};
    return model.evaluate({&item, 1}, wants, sink, {.cancelled = options_.cancelled, .ubatch = options_.ubatch});
  }

  LanguageModel& model_;
  LanguageModel* reference_;
  const PerplexityOptions& options_;
};

Status check(const LanguageModel& model, const LanguageModel* reference, std::span<const Token> tokens,
             std::size_t window) {
  if (model.capabilities().logits != Capabilities::Logits::kAll)
    return fail(ErrorCode::kUnsupportedModel,
                "perplexity needs a model that gives logits of every position; this one does not");
  if (reference && reference->info().vocab_size != model.info().vocab_size) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the models cannot be compared: their vocabularies have {} and {} tokens",
                            model.info().vocab_size, reference->info().vocab_size));
  }
  for (const LanguageModel* m : {&model, reference}) {
    if (m && window > m->info().n_ctx_train) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("windows of {} tokens were asked for, but the model was trained for {} positions", window,
                              m->info().n_ctx_train));
    }
  }
  if (window < kSmallestWindow) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("windows of {} tokens are too short; use at least {}", window, kSmallestWindow));
  }
  if (tokens.size() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the text has {} tokens; at least 2 are needed to predict one", tokens.size()));
  }
  return {};
}

}  // namespace

Result<PerplexityReport> measure_perplexity(LanguageModel& model, LanguageModel* reference,
                                            std::span<const Token> tokens, const PerplexityOptions& options) {
  std::size_t window = options.window;
  if (window == 0) {
    window = std::min(kUsualWindow, model.info().n_ctx_train);
    if (reference) window = std::min(window, reference->info().n_ctx_train);
  }
  HEARTH_CHECK(check(model, reference, tokens, window));
  Measurement measurement(model, reference, options);
  PerplexityReport report{.n_tokens = tokens.size()};
  const bool whole = tokens.size() <= window;
  report.n_windows = whole ? 1 : tokens.size() / window;
  const auto bos = model.vocabulary() ? model.vocabulary()->bos() : std::nullopt;
  const bool starts_with_bos = bos && tokens.front() == *bos;
  for (std::size_t w = 0; w < report.n_windows; ++w) {
    const auto part = whole ? tokens : tokens.subspan(w * window, window);
    std::vector<Token> own(part.begin(), part.end());
    if (starts_with_bos) own.front() = *bos;
    HEARTH_CHECK(measurement.run_window(own, whole ? 1 : window / 2 + 1));
    const Totals& t = measurement.totals;
    if (options.progress) options.progress(w + 1, report.n_windows, t.nll / static_cast<double>(t.n));
  }
  const Totals& t = measurement.totals;
  const auto n = static_cast<double>(t.n);
  report.n_scored = t.n;
  report.nll = t.nll / n;
  const double variance = std::max(0.0, t.nll_squares / n - report.nll * report.nll);
  report.nll_error = t.n > 1 ? std::sqrt(variance / (n - 1)) : 0;
  report.perplexity = std::exp(report.nll);
  if (reference) {
    report.against = Comparison{.nll = t.reference_nll / n,
                                .kl_mean = t.kl / n,
                                .kl_max = t.kl_max,
                                .top1_agreement = static_cast<double>(t.n_same_best) / n};
  }
  return report;
}

}  // namespace hearth::measure
