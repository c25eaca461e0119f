// Sampler, decoder, thought splitter, stop matcher and sentence limit, in this order.
#include "generate/token_steps.h"

#include <algorithm>
#include <utility>

namespace hearth::generate {

Result<TokenSteps> TokenSteps::make(const Vocabulary& vocabulary, const sample::Sampler& sampler,
                                    sample::MirostatState mirostat, StepOptions options) {
  HEARTH_TRY(StopMatcher stops, StopMatcher::make(options.stop));
  return TokenSteps(vocabulary, sampler, mirostat, std::move(options), std::move(stops));
}

TokenSteps::TokenSteps(const Vocabulary& vocabulary, const sample::Sampler& sampler, sample::MirostatState mirostat,
                       StepOptions options, StopMatcher stops)
    : vocabulary_(&vocabulary),
      sampler_(&sampler),
      mirostat_(mirostat),
      options_(std::move(options)),
      decoder_(vocabulary.make_decoder()),
      splitter_(options_.tags, options_.start),
      stops_(std::move(stops)),
      sentences_(options_.max_sentences) {
  for (const std::string& tag : {options_.tags.open, options_.tags.close}) {
    if (tag.empty()) continue;
    const auto tokens = vocabulary.encode(tag, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
    if (tokens.size() == 1 && vocabulary.token_bytes(tokens[0]).empty()) hidden_tags_.push_back(tokens[0]);
  }
}

void TokenSteps::read(std::span<const Token> before) {
  for (const Token token : before) decoder_->feed(token);
}

Result<sample::Choice> TokenSteps::draw(std::span<const float> logits, std::span<const Token> history) {
  if (!forced_.empty()) {
    sample::Choice choice;
    choice.id = forced_.front();
    choice.mirostat = mirostat_;
    forced_.pop_front();
    if (const auto n = sampler_->options().n_logprobs) sample::fill_logprobs(logits, *n, choice);
    return choice;
  }
  std::span<const std::uint32_t> allowed;
  const bool constrained = mask_ && !splitter_.thinking();
  if (constrained) {
    const std::size_t n_left = options_.max_tokens ? options_.max_tokens - tokens_.size() : 0;
    HEARTH_TRY(allowed, mask_->allowed(n_left));
  }
  HEARTH_TRY(sample::Choice choice, sampler_->sample({.logits = logits,
                                                      .recent = history,
                                                      .position = history.size(),
                                                      .allowed = allowed,
                                                      .mirostat = mirostat_}));
  if (constrained) HEARTH_CHECK(mask_->accept(choice.id));
  return choice;
}

std::vector<Token> TokenSteps::forced() {
  if (!forced_.empty()) return {forced_.begin(), forced_.end()};
  return mask_ && !splitter_.thinking() ? mask_->forced() : std::vector<Token>();
}

/// The text of a token; a control token that stands for a tag is spelled, so that the splitter sees it.
std::string TokenSteps::spell(Token token) {
  if (std::ranges::find(hidden_tags_, token) == hidden_tags_.end()) return decoder_->feed(token);
  return decoder_->flush() + vocabulary_->token_name(token);
}

ShownText TokenSteps::show(ShownText shown) {
  shown.answer = sentences_.feed(stops_.feed(shown.answer));
  return shown;
}

Result<Step> TokenSteps::next(std::span<const float> logits, std::vector<Token>& history) {
  HEARTH_TRY(sample::Choice choice, draw(logits, history));
  Step step{.choice = std::move(choice), .shown = {}, .end = {}};
  const Token token = step.choice.id;
  tokens_.push_back(token);
  if (options_.end_tokens == EndTokens::kStop && vocabulary_->ends_generation(token)) {
    step.end = FinishReason::kStop;
    return step;
  }
  mirostat_ = step.choice.mirostat;
  history.push_back(token);
  n_reasoning_ += splitter_.thinking();
  step.shown = show(splitter_.feed(spell(token)));
  if (splitter_.thinking() && forced_.empty() && options_.max_reasoning_tokens &&
      n_reasoning_ >= *options_.max_reasoning_tokens) {
    const auto close = vocabulary_->encode("\n" + options_.tags.close + "\n\n",
                                           {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
    forced_.assign(close.begin(), close.end());
  }
  if (stops_.matched()) {
    step.end = FinishReason::kStopString;
  } else if (sentences_.reached()) {
    step.end = FinishReason::kSentenceLimit;
  } else if (tokens_.size() == options_.max_tokens) {
    step.end = FinishReason::kMaxTokens;
  }
  return step;
}

ShownText TokenSteps::finish() {
  if (stops_.matched() || sentences_.reached()) return {};
  ShownText last = show(splitter_.feed(decoder_->flush()));
  const ShownText rest = show(splitter_.flush());
  last.reasoning += rest.reasoning;
  last.answer += rest.answer;
  if (!stops_.matched()) last.answer += sentences_.feed(stops_.flush());
  return last;
}

}  // namespace hearth::generate
