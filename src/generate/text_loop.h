// The loop from prompt tokens to a stream of text: sample, decode, match stop strings, evaluate. Knows no messages and
// no terminal; whoever speaks messages stands on it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generate/token_steps.h"
#include "hearth/language_model.h"
#include "hearth/sampling.h"
#include "sample/sampler.h"

namespace hearth::generate {

struct TextLoopOptions {
  SamplerOptions sampling;
  std::size_t max_tokens = 0;  // 0: until the model ends or the context is full
  std::vector<std::string> stop;
  EndTokens end_tokens = EndTokens::kStop;
  std::size_t ubatch = 512;
};

/// One generated token, as it comes. `text` is always valid UTF-8, may be empty, and may hold text of tokens before.
struct TextEvent {
  std::string_view text;
  std::optional<Token> token;              // absent for what is left at the end
  const sample::Choice* choice = nullptr;  // with log-probabilities when the options ask for them
};
/// Returns false to stop. Called on the thread of the caller.
using TextSink = std::function<bool(const TextEvent& event)>;

struct Completion {
  std::string text;           // everything that was handed to the sink
  std::vector<Token> tokens;  // everything that was drawn, an end token or a stop string's tokens included
  FinishReason reason = FinishReason::kStop;
  std::string stop_string;   // which one, for kStopString
  std::size_t n_prompt = 0;  // tokens evaluated before the first was drawn
  double prefill_seconds = 0;
  double ttft_seconds = 0;    // from the call to the first token drawn
  double decode_seconds = 0;  // from the first token drawn to the end
};

/// A text that grows: prompts are appended, completions follow them, all in one sequence of a model. Not for several
/// threads at once; the model must outlive it.
class TextLoop {
 public:
  /// Checks the options and makes the sequence. A model without logits or without a vocabulary is an error.
  static Result<TextLoop> make(LanguageModel& model, const SequenceOptions& sequence, TextLoopOptions options);

  /// Appends the prompt and completes the text. An error leaves the sequence as it was before the failed step.
  /// `cancelled` is asked between layers and tokens.
  Result<Completion> complete(std::span<const Token> prompt, const TextSink& sink, const CancelCheck& cancelled = {});

  /// All tokens so far, prompts and completions.
  [[nodiscard]] std::span<const Token> history() const { return history_; }
  [[nodiscard]] std::size_t n_ctx() const { return n_ctx_; }

 private:
  class Run;
  TextLoop(LanguageModel& model, ScopedSequence sequence, TextLoopOptions options, sample::Sampler sampler,
           std::size_t n_ctx);

  LanguageModel* model_;
  ScopedSequence sequence_;
  TextLoopOptions options_;
  sample::Sampler sampler_;
  sample::MirostatState mirostat_;
  std::size_t n_ctx_;
  std::vector<Token> history_;
  std::size_t n_evaluated_ = 0;  // tokens of history_ that the sequence holds
};

}  // namespace hearth::generate
