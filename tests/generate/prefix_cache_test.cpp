// The prefix cache on the fake engine: what is reused, what is given up, and what people are told about it.
#include "generate/prefix_cache.h"

#include <gtest/gtest.h>

#include "fake_helpers.h"

namespace hearth::generate {
namespace {

using fake::FakeModel;
using fake::Script;

CachedText text_of(std::string_view text, std::string principal = "me") {
  return {.principal = std::move(principal),
          .tokens = fake::ByteVocabulary().encode(text, {.special = EncodeOptions::Special::kNone}),
          .marks = {}};
}

/// Lends for the prompt, evaluates what is missing and keeps it.
PrefixReuse read(PrefixCache& cache, FakeModel& model, const CachedText& prompt) {
  const auto lent = cache.lend(prompt);
  EXPECT_TRUE(lent) << lent.error().message;
  const auto held = *model.tokens(lent->sequence);
  EXPECT_EQ(held.size(), lent->reuse.n_reused);
  EXPECT_TRUE(std::equal(held.begin(), held.end(), prompt.tokens.begin()));
  const Item item{.sequence = lent->sequence, .tokens = std::span(prompt.tokens).subspan(held.size())};
  RowCollector rows;
  EXPECT_TRUE(model.evaluate({&item, 1}, {}, rows, {}));
  cache.keep(prompt, lent->sequence);
  return lent->reuse;
}

TEST(PrefixCache, TheNextTurnABranchAndTheSameAgain) {
  FakeModel model{Script{}};
  PrefixCache cache(model, {});
  EXPECT_EQ(read(cache, model, text_of("system user one")).cause, "nothing is kept yet");
  EXPECT_EQ(read(cache, model, text_of("system user one answer user two")).n_reused, 15u);
  EXPECT_EQ(cache.n_kept(), 1u) << "a beginning of another text is not kept twice";
  EXPECT_EQ(read(cache, model, text_of("system user one other")).n_reused, 16u);
  EXPECT_EQ(cache.n_kept(), 2u) << "both branches stay";
  EXPECT_EQ(read(cache, model, text_of("system user one answer user two and three")).n_reused, 31u);
  EXPECT_EQ(read(cache, model, text_of("system user one other")).n_reused, 20u) << "the last token is always read";
  EXPECT_EQ(cache.n_lent(), 0u);
  EXPECT_EQ(n_sequences(model), cache.n_kept());
}

TEST(PrefixCache, NothingCrossesPrincipals) {
  FakeModel model{Script{}};
  PrefixCache cache(model, {});
  read(cache, model, text_of("a secret", "alice"));
  const PrefixReuse reuse = read(cache, model, text_of("a secret", "bob"));
  EXPECT_EQ(reuse.n_reused, 0u);
  EXPECT_EQ(reuse.cause, "nothing is kept yet") << "not even the explanation knows of another's text";
  EXPECT_EQ(read(cache, model, text_of("a secret!", "alice")).n_reused, 8u);
}

TEST(PrefixCache, WhatIsSharedOnPurposeServesEverybody) {
  for (const bool can_fork : {true, false}) {
    Script script;
    script.capabilities.fork = can_fork;
    FakeModel model{script};
    PrefixCache cache(model, {.shared_principal = "everybody"});
    read(cache, model, text_of("the rules of the house", "everybody"));
    const std::size_t n_rules = can_fork ? 22 : 0;
    EXPECT_EQ(read(cache, model, text_of("the rules of the house, says alice", "alice")).n_reused, n_rules);
    EXPECT_EQ(read(cache, model, text_of("the rules of the house, says alice", "bob")).n_reused, n_rules)
        << "and nothing that others added";
    EXPECT_EQ(read(cache, model, text_of("the rules of the house", "everybody")).n_reused, 21u) << "it stays";
  }
}

TEST(PrefixCache, MemoryIsBoundedAndTheLeastRecentlyUsedGoes) {
  FakeModel model{Script{}};  // 4 bytes a token
  PrefixCache cache(model, {.max_bytes = 4 * 20, .max_entries = 64, .sequence = {}});
  read(cache, model, text_of("1111111111"));
  read(cache, model, text_of("2222222222"));
  EXPECT_EQ(cache.bytes(), 80u);
  EXPECT_EQ(read(cache, model, text_of("1111111111")).n_reused, 9u);
  read(cache, model, text_of("3333333333"));
  EXPECT_EQ(cache.n_kept(), 2u);
  const PrefixReuse gone = read(cache, model, text_of("2222222222"));
  EXPECT_EQ(gone.n_reused, 0u);
  EXPECT_NE(gone.cause.find("given up"), std::string::npos) << gone.cause;
  read(cache, model, text_of(std::string(50, '4')));
  EXPECT_EQ(cache.n_kept(), 0u) << "what alone is more than the bound is not kept";
  EXPECT_EQ(n_sequences(model), 0u);
}

TEST(PrefixCache, EnginesThatHoldOneSequenceKeepIt) {
  Script script;
  script.capabilities.max_sequences = 1;
  script.capabilities.fork = false;
  FakeModel model(script);
  PrefixCache cache(model, {});
  read(cache, model, text_of("turn one"));
  EXPECT_EQ(read(cache, model, text_of("turn one, turn two")).n_reused, 8u);
  EXPECT_EQ(read(cache, model, text_of("turn 1")).n_reused, 5u);
  EXPECT_EQ(read(cache, model, text_of("else", "other")).n_reused, 0u);
  EXPECT_EQ(n_sequences(model), 1u);
}

TEST(PrefixCache, EnginesThatCannotGoBackReuseWholeTextsOnly) {
  Script script;
  script.capabilities.rewind = Capabilities::Rewind::kCheckpoint;
  FakeModel model(script);
  PrefixCache cache(model, {});
  read(cache, model, text_of("turn one"));
  EXPECT_EQ(read(cache, model, text_of("turn one, turn two")).n_reused, 8u);
  EXPECT_EQ(cache.n_kept(), 2u) << "the shorter text is a place to go back to";
  const PrefixReuse edited = read(cache, model, text_of("turn one, edited"));
  EXPECT_EQ(edited.n_reused, 8u);
  EXPECT_NE(edited.cause.find("could not go back to token 10, only to 8"), std::string::npos) << edited.cause;
  script.capabilities.rewind = Capabilities::Rewind::kWindow;
  FakeModel windowed(script);
  PrefixCache window(windowed, {});
  read(window, windowed, text_of("a text of some length"));
  EXPECT_EQ(read(window, windowed, text_of("a text of some lent")).n_reused, 18u) << "within the window";
  EXPECT_EQ(read(window, windowed, text_of("a text")).n_reused, 0u) << "too far back";
}

TEST(PrefixCache, FailingCallsLoseReuseAndNothingElse) {
  Script script;
  script.failures.push_back({fake::Failure::Call::kFork, 1, {ErrorCode::kInsufficientMemory, "no memory"}});
  script.failures.push_back({fake::Failure::Call::kRewind, 1, {ErrorCode::kIo, "no way back"}});
  script.failures.push_back({fake::Failure::Call::kCreate, 3, {ErrorCode::kInsufficientMemory, "no memory"}});
  FakeModel model(script);
  PrefixCache cache(model, {});
  read(cache, model, text_of("one two"));
  EXPECT_EQ(read(cache, model, text_of("one three")).n_reused, 0u) << "neither fork nor rewind worked";
  EXPECT_EQ(read(cache, model, text_of("new")).n_reused, 0u) << "room is made when the engine has none";
  EXPECT_EQ(n_sequences(model) - 2, cache.n_kept()) << "two of the calls that are counted failed";
}

CachedText conversation(std::string_view system, std::string_view user, std::string_view answer) {
  CachedText text = text_of("");
  const auto add = [&](std::string_view part, std::optional<std::size_t> idx, std::string what) {
    text.marks.push_back({text.tokens.size(), idx, std::move(what), std::hash<std::string_view>()(part)});
    const auto tokens = text_of(part).tokens;
    text.tokens.insert(text.tokens.end(), tokens.begin(), tokens.end());
  };
  add(system, 0, "message 0 (system)");
  add(user, 1, "message 1 (user)");
  add(answer, std::nullopt, "the answer");
  return text;
}

TEST(PrefixCache, TellsWhichMessageDiffersAndHow) {
  FakeModel model{Script{}};
  PrefixCache cache(model, {});
  const CachedText kept = conversation("It is Monday.", "Hello", "Hi there");
  read(cache, model, kept);
  const PrefixReuse day = read(cache, model, conversation("It is Tuesday.", "Hello", "Hi there"));
  EXPECT_EQ(day.first_difference, 6u);
  EXPECT_EQ(day.message_idx, 0u);
  EXPECT_EQ(day.cause, "message 0 (system) was changed: \"Monday.H\" was kept, \"Tuesday.\" came");
  const PrefixReuse edited = read(cache, model, conversation("It is Monday.", "Help", "Hi there"));
  EXPECT_EQ(edited.message_idx, 1u);
  EXPECT_NE(edited.cause.find("message 1 (user) was changed"), std::string::npos) << edited.cause;
  CachedText next = kept;
  next.marks.back().message_idx = 2;
  next.marks.back().what = "message 2 (assistant)";
  next.tokens[next.tokens.size() - 2] = 'X';
  const PrefixReuse answer = read(cache, model, next);
  EXPECT_NE(answer.cause.find("message 2 (assistant) is not the answer as it was generated"), std::string::npos)
      << answer.cause;
  CachedText respelled = kept;
  respelled.tokens[14] = '-';
  EXPECT_NE(read(cache, model, respelled).cause.find("the template spells message 1 (user) differently"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::generate
