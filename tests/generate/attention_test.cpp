// Where a layer looks, as events: weights that add up, of every token that is drawn, and no change in what is said.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "engine/native/native_model.h"
#include "generate/local_generator.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {
namespace {

/// Weights of every row, each asked for alone.
struct Seen {
  std::vector<std::vector<float>> rows;
  std::size_t n_heads = 0;
};

Result<Seen> look(LanguageModel& model, std::span<const Token> tokens, const SequenceOptions& sequence,
                  std::size_t layer) {
  HEARTH_TRY(const SequenceId id, model.create_sequence(sequence));
  const ScopedSequence scoped(model, id);
  const Item item{.sequence = id, .tokens = tokens};
  std::vector<Want> wants;
  for (std::size_t row = 0; row < tokens.size(); ++row) wants.push_back({.item_idx = 0, .row = row});
  Seen seen;
  EvaluateOptions options{.ubatch = 7};
  options.observe_attention = {
      .layers = {layer}, .see = [&](std::size_t, std::size_t row, std::size_t n_heads, std::span<const float> weights) {
        EXPECT_EQ(row, seen.rows.size());
        seen.rows.emplace_back(weights.begin(), weights.end());
        seen.n_heads = n_heads;
      }};
  RowCollector rows;
  HEARTH_CHECK(model.evaluate({&item, 1}, wants, rows, options));
  return seen;
}

TEST(Attention, WeightsAddUpForEveryKindOfAttention) {
  int n_layers = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/golden/arch")) {
    auto model = native::NativeModel::open(entry.path() / "model.gguf", {.n_threads = 1});
    if (!model || (*model)->capabilities().kind == Capabilities::Kind::kEncoder) continue;
    const auto json = nlohmann::json::parse(testing::read_text(entry.path() / "tokens.json"));
    const auto tokens = json["tokens"].get<std::vector<Token>>();
    const bool sinks = (*model)->info().architecture == "gpt-oss";
    for (const KvStorage kv : {KvStorage::kF16, KvStorage::kQ8_0}) {
      for (std::size_t layer = 0; layer < (*model)->info().n_layers; ++layer) {
        const auto seen = look(**model, tokens, {.n_ctx = json["n_ctx"], .kv = kv}, layer);
        if (!seen) {
          EXPECT_NE(seen.error().message.find("that layer has none"), std::string::npos) << seen.error().message;
          continue;
        }
        ++n_layers;
        ASSERT_EQ(seen->rows.size(), tokens.size()) << entry.path();
        for (std::size_t row = 0; row < tokens.size(); ++row) {
          const std::size_t n_positions = seen->rows[row].size() / seen->n_heads;
          ASSERT_EQ(n_positions, row + 1);
          for (std::size_t head = 0; head < seen->n_heads; ++head) {
            const auto of_head = std::span(seen->rows[row]).subspan(head * n_positions, n_positions);
            const double sum = std::accumulate(of_head.begin(), of_head.end(), 0.0);
            EXPECT_LE(sum, 1.0001);
            if (!sinks) {
              EXPECT_GE(sum, 0.9999) << entry.path() << " layer " << layer << " row " << row;
            }
            EXPECT_GE(*std::ranges::min_element(of_head), 0.0f);
          }
        }
      }
    }
    EXPECT_FALSE(look(**model, tokens, {.n_ctx = json["n_ctx"], .kv = KvStorage::kF16}, 1000));
  }
  EXPECT_GE(n_layers, 20);
}

TEST(Attention, AnEventPerTokenAndTheSameWords) {
  const auto path = testing::data_path("weights/stories260K/stories260K.gguf");
  if (auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto make = [&] {
    LocalGeneratorOptions options;
    options.chat_template.given_source = "{{ messages[0].content }}";
    options.scheduler.speculation = {.mode = SpeculationOptions::Mode::kOn};
    std::shared_ptr<LanguageModel> model = std::move(*native::NativeModel::open(path, {.n_threads = 1}));
    return std::move(*LocalGenerator::make(model, std::move(options)));
  };
  Request request;
  request.messages = {Message::user("Once upon a time")};
  request.max_tokens = 15;
  request.sampling.seed = 2;
  request.n = 2;
  const auto plain = make()->generate(request);
  request.attention_layer = 3;
  std::vector<std::size_t> n_positions[2];
  const auto sink = [&](const Event& event) {
    if (const auto* attention = std::get_if<AttentionWeights>(&event.what)) {
      EXPECT_EQ(attention->layer, 3u);
      EXPECT_EQ(attention->n_heads, 8u);
      n_positions[event.answer_idx].push_back(attention->weights.size() / attention->n_heads);
    }
    return true;
  };
  const auto shown = make()->generate(request, sink);
  ASSERT_TRUE(plain && shown);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(shown->answers[i].message.text(), plain->answers[i].message.text());
    ASSERT_EQ(n_positions[i].size(), 15u);
    for (std::size_t t = 0; t < 15; ++t) EXPECT_EQ(n_positions[i][t], shown->receipt.n_prompt + t);
  }
  EXPECT_NE(shown->receipt.speculation.find("off: attention"), std::string::npos);
  request.attention_layer = 99;
  const auto refused = make()->generate(request);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("there are 5 layers"), std::string::npos) << refused.error().message;
}

TEST(Attention, ToldWhereAnEngineCannot) {
  LocalGeneratorOptions options;
  options.chat_template.given_source = "{{ messages[0].content }}";
  const auto generator = LocalGenerator::make(std::make_shared<fake::FakeModel>(fake::Script{}), std::move(options));
  Request request;
  request.messages = {Message::user("?")};
  request.max_tokens = 3;
  request.attention_layer = 0;
  const auto reply = (*generator)->generate(request);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->receipt.ignored.size(), 1u);
  EXPECT_EQ(reply->receipt.ignored[0].name, "attention_layer");
}

}  // namespace
}  // namespace hearth::generate
