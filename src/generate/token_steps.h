// What happens once per generated token, wherever the logits come from: draw, decode, look for the end.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "generate/reasoning.h"
#include "generate/sentence_limit.h"
#include "generate/stop_matcher.h"
#include "generate/token_mask.h"
#include "generate/tools/call_parser.h"
#include "hearth/reply.h"
#include "sample/sampler.h"

namespace hearth::generate {

/// Whether a token that ends replies does so here.
enum class EndTokens : std::uint8_t { kStop, kIgnore };

struct StepOptions {
  std::size_t max_tokens = 0;     // 0: until the model ends or the context is full
  std::size_t room = 0;           // tokens that the context still takes, for masks that steer to their end; 0: no bound
  std::vector<std::string> stop;  // looked for in the answer, not in the thought
  std::size_t max_sentences = 0;  // of the answer; 0: no limit
  EndTokens end_tokens = EndTokens::kStop;
  ReasoningTags tags;
  ReasoningSplitter::Start start = ReasoningSplitter::Start::kUndecided;
  std::optional<std::size_t> max_reasoning_tokens;  // then the thought is closed
  CallParserOptions calls;                          // how calls of tools are read; without a family they are not
};

/// The smaller of two bounds, where 0 is none.
inline std::size_t answer_bound(std::size_t max_tokens, std::size_t room) {
  return max_tokens == 0 || room == 0 ? max_tokens + room : std::min(max_tokens, room);
}

struct Step {
  sample::Choice choice;
  ShownText shown;
  std::optional<FinishReason> end;  // this token was the last
};

/// One reply, token by token. The vocabulary and the sampler must outlive it.
class TokenSteps {
 public:
  static Result<TokenSteps> make(const Vocabulary& vocabulary, const sample::Sampler& sampler,
                                 sample::MirostatState mirostat, StepOptions options);

  /// The decoder must know what stands before: a space at the start of a text is not shown, elsewhere it is.
  void read(std::span<const Token> before);
  /// From here on only what the mask allows is drawn.
  void constrain(std::shared_ptr<TokenMask> mask) { mask_ = std::move(mask); }

  /// Draws the token after `history` from its logits [vocab_size] and appends it, unless it ends the reply.
  Result<Step> next(std::span<const float> logits, std::vector<Token>& history);
  /// What was held back, when the reply ends here.
  ShownText finish();

  /// Tokens that will most likely be drawn next, whatever the model thinks.
  [[nodiscard]] std::vector<Token> forced();

  /// Everything that was drawn, an end token or a stop string's tokens included.
  [[nodiscard]] const std::vector<Token>& tokens() const { return tokens_; }
  [[nodiscard]] std::size_t n_reasoning() const { return n_reasoning_; }
  [[nodiscard]] const std::string* stop_string() const { return stops_.matched(); }
  [[nodiscard]] sample::MirostatState mirostat() const { return mirostat_; }

 private:
  TokenSteps(const Vocabulary& vocabulary, const sample::Sampler& sampler, sample::MirostatState mirostat,
             StepOptions options, StopMatcher stops);
  Result<sample::Choice> draw(std::span<const float> logits, std::span<const Token> history);
  [[nodiscard]] std::string spell(Token token);
  ShownText show(ShownText shown);
  ShownText cut(ShownText shown);
  void spell_markers();

  const Vocabulary* vocabulary_;
  const sample::Sampler* sampler_;
  sample::MirostatState mirostat_;
  StepOptions options_;
  std::unique_ptr<TokenDecoder> decoder_;
  ReasoningSplitter splitter_;
  std::unique_ptr<CallParser> calls_;
  StopMatcher stops_;
  SentenceLimit sentences_;
  std::shared_ptr<TokenMask> mask_;
  std::deque<Token> forced_;        // come next, whatever the logits say: the end of a thought
  std::vector<Token> hidden_tags_;  // control tokens that stand for a tag or a marker of calls
  std::vector<Token> tokens_;
  std::size_t n_reasoning_ = 0;
};

}  // namespace hearth::generate
