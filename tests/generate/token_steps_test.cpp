// Thoughts, sentences and masks, token by token.
#include "generate/token_steps.h"

#include <gtest/gtest.h>

#include "engine/fake/byte_vocabulary.h"

namespace hearth::generate {
namespace {

const ReasoningTags kThink{.open = "<think>", .close = "</think>"};
using Start = ReasoningSplitter::Start;

/// What is shown when the text comes in pieces of `size` bytes.
ShownText split(std::string_view text, std::size_t size, Start start = Start::kUndecided) {
  ReasoningSplitter splitter(kThink, start);
  ShownText all;
  const auto add = [&](const ShownText& shown) {
    all.reasoning += shown.reasoning;
    all.answer += shown.answer;
  };
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) add(splitter.feed(text.substr(0, size)));
  add(splitter.flush());
  return all;
}

TEST(ReasoningSplitter, SplitsTheSameHoweverTheTextIsCut) {
  for (std::size_t size = 1; size < 40; ++size) {
    const ShownText both = split("\n<think>\nFirst, <b>.\n\nThen.\n</think>\n\nFour. <think> is a tag", size);
    EXPECT_EQ(both.reasoning, "First, <b>.\n\nThen.") << size;
    EXPECT_EQ(both.answer, "Four. <think> is a tag") << size;
    const ShownText none = split(" <thin ice> </think>", size);
    EXPECT_EQ(none.reasoning, "") << size;
    EXPECT_EQ(none.answer, " <thin ice> </think>") << size;
    const ShownText opened = split("Hm.</think>Yes.", size, Start::kThinking);
    EXPECT_EQ(opened.reasoning, "Hm.") << size;
    EXPECT_EQ(opened.answer, "Yes.") << size;
    const ShownText cut = split("<think>never done </thi", size);
    EXPECT_EQ(cut.reasoning, "never done </thi") << size;
    EXPECT_EQ(split("<think></think>So", size).answer, "So") << size;
    EXPECT_EQ(split("<think>a</think>", size, Start::kAnswering).answer, "<think>a</think>") << size;
  }
}

TEST(SentenceLimit, CountsSentencesHoweverTheTextIsCut) {
  const std::string text = "It costs 3.50 today! \"Is that so?\" Yes.";
  for (std::size_t size = 1; size < 20; ++size) {
    SentenceLimit limit(2);
    std::string shown;
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(size, rest.size())))
      shown += limit.feed(rest.substr(0, size));
    EXPECT_TRUE(limit.reached());
    EXPECT_EQ(shown, "It costs 3.50 today! \"Is that so?\"") << size;
  }
  SentenceLimit japanese(1);
  EXPECT_EQ(japanese.feed("\u306f\u3044\u3002\u305d\u3046\u3067\u3059\u3002"), "\u306f\u3044\u3002");
  SentenceLimit none;
  EXPECT_EQ(none.feed("One. Two. Three."), "One. Two. Three.");
}

/// Logits that want the bytes of a text, one after the other.
class Wanting {
 public:
  explicit Wanting(std::string text) : text_(std::move(text)) {}
  std::vector<float> logits(std::size_t at) const {
    std::vector<float> logits(fake::kVocabSize, 0.0f);
    logits[at < text_.size() ? static_cast<unsigned char>(text_[at]) : static_cast<std::size_t>(fake::kEos)] = 9;
    return logits;
  }

 private:
  std::string text_;
};

struct Reading {
  std::string reasoning, answer;
  FinishReason reason = FinishReason::kContextFull;
  std::size_t n_reasoning = 0;
};

Reading say(const std::string& text, StepOptions options, std::shared_ptr<TokenMask> mask = nullptr) {
  const fake::ByteVocabulary vocabulary;
  SamplerOptions greedy;
  greedy.temperature = 0;
  const auto sampler = sample::Sampler::make(greedy, fake::kVocabSize);
  auto steps = TokenSteps::make(vocabulary, *sampler, sampler->start(), std::move(options));
  if (mask) steps->constrain(std::move(mask));
  std::vector<Token> history;
  const Wanting model(text);
  Reading said;
  for (std::size_t at = 0; at < 200; ++at) {
    const auto step = steps->next(model.logits(at), history);
    EXPECT_TRUE(step) << step.error().message;
    if (!step) break;
    said.reasoning += step->shown.reasoning;
    said.answer += step->shown.answer;
    if (!step->end) continue;
    said.reason = *step->end;
    break;
  }
  const ShownText last = steps->finish();
  said.reasoning += last.reasoning;
  said.answer += last.answer;
  said.n_reasoning = steps->n_reasoning();
  return said;
}

TEST(TokenSteps, StopStringsAreLookedForInTheAnswerOnly) {
  const Reading said = say("<think>a\n\n\nb</think>c\n\n\nd", {.stop = {"\n\n\n"}, .tags = kThink});
  EXPECT_EQ(said.reasoning, "a\n\n\nb");
  EXPECT_EQ(said.answer, "c");
  EXPECT_EQ(said.reason, FinishReason::kStopString);
}

TEST(TokenSteps, AThoughtOverItsBudgetIsClosed) {
  const Reading said = say("<think>one two three four five six and what else. Here I answer",
                           {.tags = kThink, .max_reasoning_tokens = 8});
  EXPECT_TRUE(said.reasoning.starts_with("one two")) << said.reasoning;
  EXPECT_LE(said.reasoning.size(), 9u);
  EXPECT_FALSE(said.answer.empty());
  EXPECT_EQ(said.answer.find("</think>"), std::string::npos);
}

TEST(TokenSteps, SentencesEndTheReply) {
  const Reading said = say("One. Two. Three.", {.max_sentences = 2});
  EXPECT_EQ(said.answer, "One. Two.");
  EXPECT_EQ(said.reason, FinishReason::kSentenceLimit);
}

/// Allows digits only, and the end once three have come.
class ThreeDigits final : public TokenMask {
 public:
  Result<std::span<const std::uint32_t>> allowed(std::size_t) override {
    words_.assign((fake::kVocabSize + 31) / 32, 0);
    if (n_ < 3) {
      for (std::size_t t = '0'; t <= '9'; ++t) words_[t / 32] |= 1u << (t % 32);
    } else {
      words_[fake::kEos / 32] |= 1u << (fake::kEos % 32);
    }
    return std::span<const std::uint32_t>(words_);
  }
  Status accept(Token) override {
    ++n_;
    return {};
  }

 private:
  std::vector<std::uint32_t> words_;
  std::size_t n_ = 0;
};

TEST(TokenSteps, AMaskDecidesWhatMayBeSaid) {
  const Reading said = say("7 dwarfs", {}, std::make_shared<ThreeDigits>());
  EXPECT_EQ(said.answer.size(), 3u);
  EXPECT_EQ(said.answer[0], '7');
  EXPECT_EQ(said.reason, FinishReason::kStop);
  const Reading thinking =
      say("<think>so</think>5", {.tags = kThink, .start = Start::kUndecided}, std::make_shared<ThreeDigits>());
  EXPECT_EQ(thinking.answer.size(), 3u) << "without a thought that the prompt opened, the mask holds from the start";
}

}  // namespace
}  // namespace hearth::generate
