// The fake does what its script says. What every engine must do is tested in tests/conformance.
#include "engine/fake/fake_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace hearth::fake {
namespace {

std::vector<Token> bytes(std::string_view text) {
  return ByteVocabulary().encode(text, {.special = EncodeOptions::Special::kNone});
}

Token next(FakeModel& model, std::string_view text) {
  const auto id = model.create_sequence({});
  EXPECT_TRUE(id);
  const ScopedSequence sequence(model, *id);
  const auto tokens = bytes(text);
  const Item item{.sequence = *id, .tokens = tokens};
  const Want want{.item_idx = 0, .row = tokens.size() - 1};
  RowCollector rows;
  const Status status = model.evaluate({&item, 1}, {&want, 1}, rows, {});
  EXPECT_TRUE(status) << status.error().message;
  return static_cast<Token>(std::ranges::max_element(rows.rows[0]) - rows.rows[0].begin());
}

TEST(FakeModel, AnswersByTheScript) {
  Script script;
  script.replies = {{bytes("Hi"), bytes(" you")}, {bytes("Say Hi"), bytes("no")}, {{}, bytes("?")}};
  FakeModel model(script);
  EXPECT_EQ(next(model, "Hi"), ' ');
  EXPECT_EQ(next(model, "Hi y"), 'o');
  EXPECT_EQ(next(model, "Hi you"), kEos);
  EXPECT_EQ(next(model, "Say Hi"), 'n') << "the longer text before the reply counts";
  EXPECT_EQ(next(model, "Say Hi you"), kEos) << "the reply that came furthest counts";
  EXPECT_EQ(next(model, "xyz"), '?');
}

TEST(FakeModel, InsistsOnWhatItExpects) {
  Script script;
  script.expect = bytes("abc");
  FakeModel model(script);
  EXPECT_NO_FATAL_FAILURE(next(model, "abcd"));
  const auto id = model.create_sequence({});
  const auto wrong = bytes("abd");
  const Item item{.sequence = *id, .tokens = wrong};
  RowCollector rows;
  const Status status = model.evaluate({&item, 1}, {}, rows, {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("position 2"), std::string::npos);
  EXPECT_EQ(model.length(*id), 0u);
}

TEST(FakeModel, LogitsMayBeGiven) {
  Script script;
  script.logits = [](std::span<const Token> history, std::span<float> logits) {
    std::ranges::fill(logits, 0.0f);
    logits[history.size()] = 1.0f;
  };
  FakeModel model(script);
  EXPECT_EQ(next(model, "12345"), 5);
}

TEST(FakeModel, FailsOnDemandAndCounts) {
  Script script;
  script.failures = {{Failure::Call::kCreate, 2, {ErrorCode::kInsufficientMemory, "no more"}},
                     {Failure::Call::kFork, 1, {ErrorCode::kInternal, "fork broke"}}};
  FakeModel model(script);
  const auto first = model.create_sequence({});
  ASSERT_TRUE(first);
  EXPECT_FALSE(model.create_sequence({}));
  EXPECT_TRUE(model.create_sequence({}));
  EXPECT_FALSE(model.fork(*first, 0));
  EXPECT_TRUE(model.fork(*first, 0));
  model.destroy_sequence(*first);
  const Counts counts = model.counts();
  EXPECT_EQ(counts.n_create, 3u);
  EXPECT_EQ(counts.n_fork, 2u);
  EXPECT_EQ(counts.n_destroy, 1u);
}

TEST(FakeModel, DelaysAndCanBeCancelledMeanwhile) {
  Script script;
  script.delay_per_call = std::chrono::seconds(60);
  FakeModel model(script);
  const auto id = model.create_sequence({});
  const auto tokens = bytes("x");
  const Item item{.sequence = *id, .tokens = tokens};
  RowCollector rows;
  const auto start = std::chrono::steady_clock::now();
  const Status status = model.evaluate(
      {&item, 1}, {}, rows,
      {.cancelled = [&] { return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(20); }});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_EQ(model.counts().n_cancelled, 1u);
}

TEST(FakeScript, IsReadFromJson) {
  const auto script = parse_script(
      R"({"hearth_fake": 1, "n_ctx": 99, "expect": [65, 66], "delay_per_token_ms": 2, "kind": "encoder",
          "replies": [{"after": "A", "say": [66, 257]}],
          "failures": [{"call": "export", "number": 3, "message": "m"}]})");
  ASSERT_TRUE(script) << script.error().message;
  EXPECT_EQ(script->n_ctx, 99u);
  EXPECT_EQ(script->expect, bytes("AB"));
  EXPECT_EQ(script->delay_per_token.count(), 2000);
  EXPECT_EQ(script->replies[0].say, (std::vector<Token>{66, 257}));
  EXPECT_EQ(script->failures[0].call, Failure::Call::kExport);
  EXPECT_EQ(script->capabilities.kind, Capabilities::Kind::kEncoder);
}

TEST(FakeScript, MistakesAreNamed) {
  for (const auto& [json, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "JSON"},
           {"[]", "hearth_fake"},
           {R"({"hearth_fake": 2})", "version 1"},
           {R"({"hearth_fake": 1, "nctx": 3})", "nctx"},
           {R"({"hearth_fake": 1, "n_ctx": -3})", "n_ctx"},
           {R"({"hearth_fake": 1, "replies": {}})", "list"},
           {R"({"hearth_fake": 1, "replies": [{"say": 3}]})", "say"},
           {R"({"hearth_fake": 1, "replies": [{"say": [259]}]})", "259"},
           {R"({"hearth_fake": 1, "failures": [{"call": "dance"}]})", "dance"}}) {
    const auto script = parse_script(json);
    ASSERT_FALSE(script) << json;
    EXPECT_NE(script.error().message.find(part), std::string::npos) << script.error().message;
  }
}

TEST(ByteVocabulary, SpecialTokensNeedTrust) {
  const ByteVocabulary vocabulary;
  EXPECT_EQ(vocabulary.encode("A<eos>", {.looks_special = EncodeOptions::LooksSpecial::kParse}),
            (std::vector<Token>{kBos, 65, kEos}));
  EXPECT_EQ(vocabulary.encode("<eos>", {}).size(), 6u);
  EXPECT_EQ(vocabulary.decode(std::vector<Token>{kBos, 65, kEos, 1000}, {}), "A");
  EXPECT_EQ(vocabulary.decode(std::vector<Token>{kBos, 65}, {.special = DecodeOptions::Special::kShow}), "<bos>A");
  EXPECT_EQ(decode_all(vocabulary, std::vector<Token>{0xC3, 0xA9, 0xC3}), "\xC3\xA9\xEF\xBF\xBD");
}

}  // namespace
}  // namespace hearth::fake
