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
      calls_(make_call_parser(options_.calls)),
      stops_(std::move(stops)),
      sentences_(options_.max_sentences) {
  spell_markers();
}

/// Control tokens that the splitter and the parser of calls must see.
void TokenSteps::spell_markers() {
  std::vector<std::string_view> texts = {options_.tags.open, options_.tags.close};
  if (options_.calls.family != nullptr) {
    for (const CallFormat& format : options_.calls.family->formats) {
      const auto of_format = format_texts(format);
      texts.insert(texts.end(), of_format.begin(), of_format.end());
    }
  }
  for (const std::string_view text : texts) {
    if (text.empty()) continue;
    const auto tokens = vocabulary_->encode(text, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
    for (const Token token : tokens) {
      const bool control = vocabulary_->token_bytes(token).empty() && !vocabulary_->ends_generation(token);
      if (control && text.contains(vocabulary_->token_name(token))) hidden_tags_.push_back(token);
    }
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
    const std::size_t most = answer_bound(options_.max_tokens, options_.room);
    HEARTH_TRY(allowed, mask_->allowed(most ? most - tokens_.size() : 0));
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

/// Thoughts, then calls and the text beside them.
ShownText TokenSteps::show(ShownText shown) {
  ShownText said = calls_->feed(shown.answer);
  said.reasoning.insert(0, shown.reasoning);
  return cut(std::move(said));
}

/// Stop strings and sentences are looked for in text, not in calls. What is said behind them is not shown.
ShownText TokenSteps::cut(ShownText shown) {
  ShownText kept;
  kept.reasoning = std::move(shown.reasoning);
  kept.notes = std::move(shown.notes);
  std::size_t begin = 0;
  const auto text_until = [&](std::size_t end) {
    kept.answer += sentences_.feed(stops_.feed(std::string_view(shown.answer).substr(begin, end - begin)));
    begin = end;
  };
  for (CallPiece& call : shown.calls) {
    text_until(call.at);
    if (stops_.matched() || sentences_.reached()) return kept;
    kept.answer += sentences_.feed(stops_.flush());
    call.at = kept.answer.size();
    kept.calls.push_back(std::move(call));
  }
  text_until(shown.answer.size());
  return kept;
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
  last.append(show(splitter_.flush()));
  last.append(cut(calls_->flush()));
  if (!stops_.matched()) last.answer += sentences_.feed(stops_.flush());
  return last;
}

}  // namespace hearth::generate
