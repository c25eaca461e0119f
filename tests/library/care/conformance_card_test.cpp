// A card tells what a model did when it was tried, is kept per model and engine, and a damaged one is made anew.
#include "library/care/conformance_card.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "engine/registry.h"
#include "file/temporary_folder.h"

namespace hearth::care {
namespace {

TEST(ConformanceCard, AFakeModelIsTried) {
  const auto model = std::make_shared<fake::FakeModel>(fake::Script());
  const auto card = probe(model, "scripted", "1");
  ASSERT_TRUE(card) << card.error().message;
  EXPECT_EQ(card->engine, "fake");
  EXPECT_EQ(card->system_role, Mark::kYes);
  EXPECT_EQ(card->history, Mark::kYes);
  EXPECT_EQ(card->seed, Mark::kYes);
  EXPECT_EQ(card->json, Mark::kYes);
  EXPECT_FALSE(card->stop_tokens.empty());
  EXPECT_FALSE(card->template_source.empty());
}

TEST(ConformanceCard, AModelWhoseLogitsDriftBreaksItsSeed) {
  fake::Script script;
  auto n_calls = std::make_shared<std::size_t>(0);
  script.logits = [n_calls](std::span<const Token> history, std::span<float> logits) {
    const std::size_t favourite = 'a' + (*n_calls)++ / 3 % 20;
    for (std::size_t i = 0; i < logits.size(); ++i)
      logits[i] = i == favourite ? 50.0f : static_cast<float>((i + history.size()) % 7);
  };
  const auto card = probe(std::make_shared<fake::FakeModel>(std::move(script)), "drifting", "1");
  ASSERT_TRUE(card) << card.error().message;
  EXPECT_EQ(card->seed, Mark::kNo);
  EXPECT_FALSE(card->notes.empty());
}

TEST(ConformanceCard, ARealModelIsTried) {
  const auto path = testing::data_path("weights/stories260K/stories260K.gguf");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  auto model = open_model(path, {.n_threads = 1});
  ASSERT_TRUE(model) << model.error().message;
  const auto card = probe(std::move(*model), "stories260K", "1");
  ASSERT_TRUE(card) << card.error().message;
  EXPECT_EQ(card->engine, "native");
  EXPECT_EQ(card->seed, Mark::kYes);
  EXPECT_EQ(card->json, Mark::kYes) << card_json(*card);
}

TEST(ConformanceCard, CardsAreKeptPerModelAndEngine) {
  const testing::TemporaryFolder folder;
  const CardFolder cards(folder.path() / "cards");
  EXPECT_FALSE(cards.find("m", "native", "1"));
  ConformanceCard card{.model = "m", .engine = "native", .engine_version = "1", .seed = Mark::kYes};
  card.stop_tokens = {"</s>", "\xff not text"};
  ASSERT_TRUE(cards.keep(card));
  const auto again = cards.find("m", "native", "1");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->seed, Mark::kYes);
  EXPECT_EQ(again->json, Mark::kUnknown);
  EXPECT_EQ(again->stop_tokens.size(), 2u);
  EXPECT_FALSE(cards.find("m", "fake", "1"));
  EXPECT_FALSE(cards.find("m", "native", "2")) << "another version is tried again";
  for (const char* text : {"", "[]", R"({"model":"m"})", R"({"model":7,"seed":"yes"})"}) EXPECT_FALSE(parse_card(text));
}

}  // namespace
}  // namespace hearth::care
