// TextLoop: one pass per token over evaluate, sample, decode, match.
#include "generate/text_loop.h"

#include <chrono>
#include <utility>

#include "generate/stop_matcher.h"

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

std::string_view stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::kEndOfText: return "end_of_text";
    case StopReason::kStopString: return "stop_string";
    case StopReason::kMaxTokens: return "max_tokens";
    case StopReason::kContextFull: return "context_full";
    case StopReason::kCancelled: return "cancelled";
  }
  return "";
}

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
  Run(TextLoop& loop, const TextSink& sink, const CancelCheck& cancelled, StopMatcher stops)
      : loop_(loop), sink_(sink), cancelled_(cancelled), stops_(std::move(stops)) {
    decoder_ = loop.model_->vocabulary()->make_decoder();
  }

  Result<Completion> complete(std::span<const Token> prompt) {
    HEARTH_TRY(const bool ready, prefill(prompt));
    if (!ready) return finish(StopReason::kCancelled);
    while (true) {
      HEARTH_TRY(const sample::Choice choice, draw());
      if (const auto reason = take(choice)) return finish(*reason);
      if (loop_.history_.size() >= loop_.n_ctx_) return finish(StopReason::kContextFull);
      HEARTH_TRY(const bool evaluated, evaluate());
      if (!evaluated) return finish(StopReason::kCancelled);
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
    // The decoder must know what stands before: a space at the start of a text is not shown, elsewhere it is.
    for (const Token token : history) decoder_->feed(token);
    for (const Token token : prompt) decoder_->feed(token);
    history.insert(history.end(), prompt.begin(), prompt.end());
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

  Result<sample::Choice> draw() {
    auto choice = loop_.sampler_.sample({.logits = last_row_.logits,
                                         .recent = loop_.history_,
                                         .position = loop_.history_.size(),
                                         .allowed = {},
                                         .mirostat = loop_.mirostat_});
    if (choice && completion_.tokens.empty()) {
      completion_.ttft_seconds = seconds_since(start_);
      first_token_ = Clock::now();
    }
    return choice;
  }

  /// Makes the token part of the text; the reason when it was the last.
  std::optional<StopReason> take(const sample::Choice& choice) {
    const Token token = choice.id;
    completion_.tokens.push_back(token);
    if (loop_.options_.end_tokens == EndTokens::kStop && loop_.model_->vocabulary()->ends_generation(token))
      return StopReason::kEndOfText;
    loop_.mirostat_ = choice.mirostat;
    loop_.history_.push_back(token);
    const bool goes_on = show(stops_.feed(decoder_->feed(token)), token, &choice);
    if (stops_.matched()) return StopReason::kStopString;
    if (!goes_on || (cancelled_ && cancelled_())) return StopReason::kCancelled;
    if (completion_.tokens.size() == loop_.options_.max_tokens) return StopReason::kMaxTokens;
    return std::nullopt;
  }

  bool show(std::string text, std::optional<Token> token, const sample::Choice* choice) {
    completion_.text += text;
    return !sink_ || sink_({.text = text, .token = token, .choice = choice});
  }

  Completion finish(StopReason reason) {
    if (!stops_.matched()) {
      std::string rest = stops_.feed(decoder_->flush());
      if (!stops_.matched()) rest += stops_.flush();
      if (!rest.empty()) show(std::move(rest), std::nullopt, nullptr);
    }
    if (const std::string* stop = stops_.matched()) completion_.stop_string = *stop;
    completion_.reason = reason;
    if (!completion_.tokens.empty()) completion_.decode_seconds = seconds_since(first_token_);
    return std::move(completion_);
  }

  TextLoop& loop_;
  const TextSink& sink_;
  const CancelCheck& cancelled_;
  StopMatcher stops_;
  std::unique_ptr<TokenDecoder> decoder_;
  LastRow last_row_;
  Completion completion_;
  Clock::time_point start_ = Clock::now(), first_token_ = start_;
};

Result<Completion> TextLoop::complete(std::span<const Token> prompt, const TextSink& sink,
                                      const CancelCheck& cancelled) {
  HEARTH_TRY(StopMatcher stops, StopMatcher::make(options_.stop));
  return Run(*this, sink, cancelled, std::move(stops)).complete(prompt);
}

}  // namespace hearth::generate
