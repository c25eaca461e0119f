// The text loop on the fake engine: what is shown, when it stops, what the model received.
#include "generate/text_loop.h"

#include <gtest/gtest.h>

#include "fake_helpers.h"

namespace hearth::generate {
namespace {

using fake::FakeModel;
using fake::Script;

Script answering(std::string_view after, std::string_view say) {
  Script script;
  script.replies.push_back({bytes(after), bytes(say)});
  return script;
}

TextLoopOptions greedy(std::size_t max_tokens = 0, std::vector<std::string> stop = {}) {
  TextLoopOptions options;
  options.sampling.temperature = 0;
  options.max_tokens = max_tokens;
  options.stop = std::move(stop);
  return options;
}

struct Shown {
  Completion completion;
  std::string streamed;
  std::vector<std::string> pieces;
};

Shown complete(FakeModel& model, std::string_view prompt, TextLoopOptions options,
               const SequenceOptions& sequence = {}) {
  auto loop = TextLoop::make(model, sequence, std::move(options));
  EXPECT_TRUE(loop) << loop.error().message;
  Shown shown;
  auto completion = loop->complete(bytes(prompt), [&](const TextEvent& event) {
    shown.streamed += event.text;
    shown.pieces.emplace_back(event.text);
    return true;
  });
  EXPECT_TRUE(completion) << completion.error().message;
  if (completion) shown.completion = *completion;
  EXPECT_EQ(shown.streamed, shown.completion.text);
  return shown;
}

TEST(TextLoop, SaysWhatTheModelSaysUntilItEnds) {
  FakeModel model(answering("Hi", " there, friend"));
  const Shown shown = complete(model, "Hi", greedy());
  EXPECT_EQ(shown.streamed, " there, friend");
  EXPECT_EQ(shown.completion.reason, FinishReason::kStop);
  EXPECT_EQ(shown.completion.tokens.back(), fake::kEos);
  EXPECT_EQ(shown.completion.n_prompt, 2u);
  EXPECT_EQ(model.counts().n_tokens, 2 + shown.completion.tokens.size() - 1) << "the end token is not evaluated";
}

TEST(TextLoop, StopsAfterSoManyTokens) {
  FakeModel model(answering("Hi", " there, friend"));
  const Shown shown = complete(model, "Hi", greedy(3));
  EXPECT_EQ(shown.streamed, " th");
  EXPECT_EQ(shown.completion.reason, FinishReason::kMaxTokens);
  EXPECT_EQ(model.counts().n_evaluate, 3u) << "the last token is not evaluated";
}

TEST(TextLoop, StopStringsNeverShow) {
  FakeModel model(answering("Q", "yes.\nUser: and"));
  const Shown shown = complete(model, "Q", greedy(0, {"\nUser:"}));
  EXPECT_EQ(shown.streamed, "yes.");
  EXPECT_EQ(shown.completion.reason, FinishReason::kStopString);
  EXPECT_EQ(shown.completion.stop_string, "\nUser:");
}

TEST(TextLoop, ABeginningOfAStopStringIsShownWhenTheTextEnds) {
  FakeModel model(answering("Q", "yes.\nUse"));
  const Shown shown = complete(model, "Q", greedy(0, {"\nUser:"}));
  EXPECT_EQ(shown.streamed, "yes.\nUse");
  EXPECT_EQ(shown.completion.reason, FinishReason::kStop);
}

TEST(TextLoop, PiecesAreAlwaysWholeCharacters) {
  FakeModel model(answering("Q", "caf\xC3\xA9 \xF0\x9F\x94\xA5."));
  const Shown shown = complete(model, "Q", greedy());
  EXPECT_EQ(shown.streamed, "caf\xC3\xA9 \xF0\x9F\x94\xA5.");
  for (const std::string& piece : shown.pieces) {
    EXPECT_TRUE(piece.empty() || (static_cast<unsigned char>(piece[0]) & 0xC0) != 0x80) << piece;
  }
  const Shown cut = complete(model, "Q", greedy(6));  // inside the fire
  EXPECT_EQ(cut.streamed, "caf\xC3\xA9 ");
  const Shown broken = complete(model, "Q", greedy(8));
  EXPECT_EQ(broken.streamed, "caf\xC3\xA9 \xEF\xBF\xBD");
}

TEST(TextLoop, AFullContextEndsTheText) {
  FakeModel model(answering("Q", "0123456789"));
  const Shown shown = complete(model, "Q", greedy(), {.n_ctx = 5});
  EXPECT_EQ(shown.completion.reason, FinishReason::kContextFull);
  EXPECT_EQ(shown.streamed, "0123");
}

TEST(TextLoop, APromptThatDoesNotFitIsRefused) {
  FakeModel model(answering("Q", "A"));
  auto loop = TextLoop::make(model, {.n_ctx = 4}, greedy());
  ASSERT_TRUE(loop);
  const auto refused = loop->complete(bytes("12345"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kContextFull);
  EXPECT_FALSE(loop->complete({}, {}));
  EXPECT_TRUE(loop->complete(bytes("12Q"), {}));
}

TEST(TextLoop, ConversationsGoOnInOneSequence) {
  Script script = answering("one", "two");
  script.replies.push_back({bytes("three"), bytes("four")});
  FakeModel model(script);
  auto loop = TextLoop::make(model, {}, greedy());
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->complete(bytes("one"), {})->text, "two");
  const auto second = loop->complete(bytes("three"), {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->text, "four");
  EXPECT_EQ(second->n_prompt, 5u) << "what the sequence holds already is not evaluated again";
  const auto history = loop->history();
  EXPECT_EQ(std::vector<Token>(history.begin(), history.end()), bytes("onetwothreefour"));
}

TEST(TextLoop, TheSinkStopsAndWhatWasSaidStays) {
  FakeModel model(answering("Q", "0123456789"));
  auto loop = TextLoop::make(model, {}, greedy());
  ASSERT_TRUE(loop);
  std::string seen;
  const auto completion = loop->complete(bytes("Q"), [&](const TextEvent& event) {
    seen += event.text;
    return seen.size() < 3;
  });
  ASSERT_TRUE(completion);
  EXPECT_EQ(completion->reason, FinishReason::kCancelled);
  EXPECT_EQ(completion->text, "012");
}

TEST(TextLoop, CancelDuringThePromptLeavesTheTextAsItWas) {
  FakeModel model(answering("Q", "A"));
  auto loop = TextLoop::make(model, {}, greedy());
  ASSERT_TRUE(loop);
  const auto cancelled = loop->complete(bytes("Q"), {}, [] { return true; });
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->reason, FinishReason::kCancelled);
  EXPECT_TRUE(cancelled->text.empty());
  EXPECT_TRUE(loop->history().empty());
  EXPECT_EQ(loop->complete(bytes("Q"), {})->text, "A");
}

TEST(TextLoop, ErrorsInTheMiddleKeepWhatWasStreamed) {
  Script script = answering("Q", "0123456789");
  script.failures.push_back({fake::Failure::Call::kEvaluate, 4, {ErrorCode::kIo, "the cable is out"}});
  FakeModel model(script);
  auto loop = TextLoop::make(model, {}, greedy());
  ASSERT_TRUE(loop);
  std::string seen;
  const auto completion = loop->complete(bytes("Q"), [&](const TextEvent& event) {
    seen += event.text;
    return true;
  });
  ASSERT_FALSE(completion);
  EXPECT_EQ(completion.error().message, "the cable is out");
  EXPECT_EQ(seen, "012");
}

TEST(TextLoop, SameSeedSameText) {
  Script script;  // pseudo-random logits
  FakeModel model(script);
  TextLoopOptions options;
  options.sampling.seed = 7;
  options.max_tokens = 40;
  options.end_tokens = EndTokens::kIgnore;
  const auto first = complete(model, "Q", options).completion.tokens;
  EXPECT_EQ(complete(model, "Q", options).completion.tokens, first);
  options.sampling.seed = 8;
  EXPECT_NE(complete(model, "Q", options).completion.tokens, first);
  EXPECT_EQ(first.size(), 40u);
}

TEST(TextLoop, LogprobsComeWithTheTokens) {
  FakeModel model(answering("Q", "AB"));
  TextLoopOptions options = greedy();
  options.sampling.n_logprobs = 3;
  auto loop = TextLoop::make(model, {}, options);
  ASSERT_TRUE(loop);
  std::size_t n = 0;
  ASSERT_TRUE(loop->complete(bytes("Q"), [&](const TextEvent& event) {
    if (!event.choice) return true;
    ++n;
    EXPECT_TRUE(event.choice->logprob);
    EXPECT_EQ(event.choice->top.size(), 3u);
    EXPECT_EQ(event.choice->top[0].id, *event.token);
    return true;
  }));
  EXPECT_EQ(n, 2u);
}

TEST(TextLoop, ModelsWithoutTextAreRefused) {
  Script script;
  script.capabilities.kind = Capabilities::Kind::kEncoder;
  script.capabilities.logits = Capabilities::Logits::kNone;
  FakeModel encoder(script);
  EXPECT_FALSE(TextLoop::make(encoder, {}, greedy()));
  FakeModel model{Script{}};
  EXPECT_FALSE(TextLoop::make(model, {}, greedy(0, {""})));
  TextLoopOptions bad = greedy();
  bad.sampling.top_p = 7;
  EXPECT_FALSE(TextLoop::make(model, {}, bad));
  EXPECT_FALSE(TextLoop::make(model, {.n_ctx = 1u << 20}, greedy()));
}

}  // namespace
}  // namespace hearth::generate
