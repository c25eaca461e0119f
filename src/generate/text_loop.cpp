// TextLoop: one pass per token over evaluate, sample, decode, match.
#include "generate/text_loop.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace hearth::generate {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The logits of the one row that is wanted.
class LastRow final : public OutputSink {
 public:
  void row(std::size_t, std::span<const float> values) override { logits.assign(values.begin(), values.end()); }
  std::vector<float> logits;
};

}  // namespace

TextLoop::TextLoop(LanguageModel& model, ScopedSequence sequence, TextLoopOptions options, sample::Sampler sampler,
                   std::size_t n_ctx)
    : model_(&model),
      sequence_(std::move(sequence)),
      options_(std::move(options)),
      sampler_(std::move(sampler)),
      mirostat_(sampler_.start()),
      n_ctx_(n_ctx) {}

Result<TextLoop> TextLoop::make(LanguageModel& model, const SequenceOptions& sequence, TextLoopOptions options) {
  if (model.capabilities().kind == Capabilities::Kind::kEncoder ||
      model.capabilities().logits == Capabilities::Logits::kNone) {
    return fail(ErrorCode::kUnsupportedModel,
                "this is an embedding model, which writes no text; use a model that generates, or `hearth logits`");
  }
  if (model.capabilities().logits == Capabilities::Logits::kTopN)
    return fail(ErrorCode::kUnsupportedModel,
                "this engine gives no full logits, which sampling needs; use another engine");
  if (!model.vocabulary())
    return fail(ErrorCode::kUnsupportedModel, "the model carries no tokenizer, so its tokens cannot become text");
  HEARTH_CHECK(StopMatcher::make(options.stop));
  HEARTH_TRY(auto sampler, sample::Sampler::make(options.sampling, static_cast<std::int32_t>(model.info().vocab_size)));
  HEARTH_TRY(const SequenceId id, model.create_sequence(sequence));
  const std::size_t n_ctx = sequence.n_ctx ? sequence.n_ctx : model.info().n_ctx_train;
  return TextLoop(model, ScopedSequence(model, id), std::move(options), std::move(sampler), n_ctx);
}

/// One completion.
class TextLoop::Run {
 public:
  Run(TextLoop& loop, const TextSink& sink, const CancelCheck& cancelled, TokenSteps steps)
      : loop_(loop), sink_(sink), cancelled_(cancelled), steps_(std::move(steps)) {}

  Result<Completion> complete(std::span<const Token> prompt) {
    HEARTH_TRY(const bool ready, prefill(prompt));
    if (!ready) return finish(FinishReason::kCancelled);
    while (true) {
      HEARTH_TRY(const auto reason, advance());
      if (reason) return finish(*reason);
      if (loop_.history_.size() >= loop_.n_ctx_) return finish(FinishReason::kContextFull);
      HEARTH_TRY(const bool evaluated, evaluate());
      if (!evaluated) return finish(FinishReason::kCancelled);
    }
  }

 private:
  /// Appends the prompt and evaluates what the sequence does not hold yet; false when cancelled.
  Result<bool> prefill(std::span<const Token> prompt) {
    std::vector<Token>& history = loop_.history_;
    const std::size_t n_before = history.size();
    const std::size_t n_new = n_before - loop_.n_evaluated_ + prompt.size();
    if (n_new == 0) return fail(ErrorCode::kInvalidArgument, "there is nothing to complete: the prompt has no tokens");
    if (prompt.size() > loop_.n_ctx_ - n_before) {
      return fail(ErrorCode::kContextFull,
                  fmt::format("the prompt has {} tokens, but {} of the context's {} positions are free; shorten it or "
                              "make a longer context",
                              prompt.size(), loop_.n_ctx_ - n_before, loop_.n_ctx_));
    }
    history.insert(history.end(), prompt.begin(), prompt.end());
    steps_.read(history);
    auto evaluated = evaluate();
    if (!evaluated || !*evaluated) history.resize(n_before);
    completion_.n_prompt = n_new;
    completion_.prefill_seconds = seconds_since(start_);
    return evaluated;
  }

  Result<bool> evaluate() {
    const auto pending = std::span<const Token>(loop_.history_).subspan(loop_.n_evaluated_);
    const Item item{.sequence = loop_.sequence_.id(), .tokens = pending};
    const Want want{.item_idx = 0, .row = pending.size() - 1};
    const Status status = loop_.model_->evaluate({&item, 1}, {&want, 1}, last_row_,
                                                 {.cancelled = cancelled_, .ubatch = loop_.options_.ubatch});
    if (!status && status.error().code == ErrorCode::kCancelled) return false;
    HEARTH_CHECK(status);
    loop_.n_evaluated_ = loop_.history_.size();
    return true;
  }

  /// Draws a token and shows it; the reason when it was the last.
  Result<std::optional<FinishReason>> advance() {
    HEARTH_TRY(const Step step, steps_.next(last_row_.logits, loop_.history_));
    if (steps_.tokens().size() == 1) {
      completion_.ttft_seconds = seconds_since(start_);
      first_token_ = Clock::now();
    }
    loop_.mirostat_ = steps_.mirostat();
    if (step.end == FinishReason::kStop) return step.end;
    const bool goes_on = show(step.shown.answer, step.choice.id, &step.choice);
    if (step.end == FinishReason::kStopString) return step.end;
    if (!goes_on || (cancelled_ && cancelled_())) return FinishReason::kCancelled;
    return step.end;
  }

  bool show(const std::string& text, std::optional<Token> token, const sample::Choice* choice) {
    completion_.text += text;
    return !sink_ || sink_({.text = text, .token = token, .choice = choice});
  }

  Completion finish(FinishReason reason) {
    const std::string rest = steps_.finish().answer;
    if (!rest.empty()) show(rest, std::nullopt, nullptr);
    if (const std::string* stop = steps_.stop_string()) completion_.stop_string = *stop;
    completion_.reason = reason;
    completion_.tokens = steps_.tokens();
    if (!completion_.tokens.empty()) completion_.decode_seconds = seconds_since(first_token_);
    return std::move(completion_);
  }

  TextLoop& loop_;
  const TextSink& sink_;
  const CancelCheck& cancelled_;
  TokenSteps steps_;
  LastRow last_row_;
  Completion completion_;
  Clock::time_point start_ = Clock::now(), first_token_ = start_;
};

Result<Completion> TextLoop::complete(std::span<const Token> prompt, const TextSink& sink,
                                      const CancelCheck& cancelled) {
  HEARTH_TRY(
      TokenSteps steps,
      TokenSteps::make(*model_->vocabulary(), sampler_, mirostat_,
                       {.max_tokens = options_.max_tokens, .stop = options_.stop, .end_tokens = options_.end_tokens}));
  return Run(*this, sink, cancelled, std::move(steps)).complete(prompt);
}

}  // namespace hearth::generate
