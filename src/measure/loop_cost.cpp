// The text loop over a model that forwards everything and takes the time; what is left of the loop's time is its own.
#include "measure/loop_cost.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/native/vocabulary.h"
#include "engine/passing_model.h"
#include "generate/text_loop.h"
#include "measure/median.h"
#include "measure/stopwatch.h"

namespace hearth::measure {

namespace {

/// A vocabulary of byte-level BPE as large as the model's, one made-up word per token.
Result<std::unique_ptr<Vocabulary>> made_up_vocabulary(std::size_t size) {
  text::VocabData data;
  data.kind = text::VocabKind::kBpe;
  data.byte_level = true;
  for (std::size_t i = 0; i < size; ++i) data.tokens.push_back("\u0120word" + std::to_string(i));
  return native::make_vocabulary(std::move(data));
}

/// Hands rows on; the time that takes is the receiver's.
class TimedSink final : public OutputSink {
 public:
  explicit TimedSink(OutputSink& sink) : sink_(sink) {}
  void row(std::size_t want_idx, std::span<const float> values) override {
    const auto start = Clock::now();
    sink_.row(want_idx, values);
    seconds += seconds_since(start);
  }
  double seconds = 0;

 private:
  OutputSink& sink_;
};

class TimedModel final : public PassingModel {
 public:
  TimedModel(LanguageModel& model, const Vocabulary& vocabulary) : PassingModel(model), vocabulary_(vocabulary) {}

  [[nodiscard]] const Vocabulary* vocabulary() const override { return &vocabulary_; }
  Status evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                  const EvaluateOptions& options) override {
    TimedSink timed(sink);
    const auto start = Clock::now();
    const Status status = inner().evaluate(items, wants, timed, options);
    calls.push_back({start, Clock::now(), timed.seconds});
    return status;
  }

  struct Call {
    Clock::time_point start, end;
    double sink_seconds;  // between the two, spent by the receiver
  };
  std::vector<Call> calls;

 private:
  const Vocabulary& vocabulary_;
};

bool writes_text(const Capabilities& can) {
  return can.kind != Capabilities::Kind::kEncoder &&
         (can.logits == Capabilities::Logits::kAll || can.logits == Capabilities::Logits::kLast);
}

}  // namespace

Result<std::optional<LoopCost>> measure_loop(LanguageModel& model, std::size_t n_tokens, KvStorage kv,
                                             const CancelCheck& cancelled) {
  if (!writes_text(model.capabilities())) return std::nullopt;
  std::unique_ptr<Vocabulary> made_up;
  if (!model.vocabulary()) {
    HEARTH_TRY(made_up, made_up_vocabulary(model.info().vocab_size));
  }
  TimedModel timed(model, made_up ? *made_up : *model.vocabulary());
  const std::vector<Token> prompt(8, 1);
  generate::TextLoopOptions options;
  options.max_tokens = std::max<std::size_t>(n_tokens, 2);
  options.end_tokens = generate::EndTokens::kIgnore;
  const SequenceOptions sequence{.n_ctx = prompt.size() + options.max_tokens, .kv = kv};
  HEARTH_TRY(auto loop, generate::TextLoop::make(timed, sequence, std::move(options)));
  HEARTH_TRY(const generate::Completion completion, loop.complete(prompt, {}, cancelled));
  if (completion.reason == FinishReason::kCancelled)
    return fail(ErrorCode::kCancelled, "measuring the text loop was cancelled");
  std::vector<double> model_s, outside_s;
  for (std::size_t i = 1; i < timed.calls.size(); ++i) {  // the first is the prompt's
    const TimedModel::Call &before = timed.calls[i - 1], &call = timed.calls[i];
    const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
    model_s.push_back(seconds(call.end - call.start) - call.sink_seconds);
    outside_s.push_back(before.sink_seconds + seconds(call.start - before.end));
  }
  LoopCost cost;
  cost.model_s = median(std::move(model_s));
  cost.outside_s = median(std::move(outside_s));
  return cost;
}

}  // namespace hearth::measure
