// Perplexity and distances on the fake engine, whose probabilities are known.
#include "measure/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/fake/fake_model.h"

namespace hearth::measure {
namespace {

using fake::FakeModel;
using fake::kVocabSize;
using fake::Script;

/// Gives token `favourite` the probability p and shares the rest evenly.
Script certain(Token favourite, double p) {
  Script script;
  script.logits = [=](std::span<const Token>, std::span<float> logits) {
    std::ranges::fill(logits, 0.0f);
    logits[static_cast<std::size_t>(favourite)] = static_cast<float>(std::log(p * (kVocabSize - 1) / (1 - p)));
  };
  return script;
}

TEST(Perplexity, OfAnEvenDistributionIsTheVocabulary) {
  Script script;
  script.logits = [](std::span<const Token>, std::span<float> logits) { std::ranges::fill(logits, 0.0f); };
  FakeModel model(script);
  const std::vector<Token> tokens(100, 65);
  const auto report = measure_perplexity(model, nullptr, tokens, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_NEAR(report->perplexity, kVocabSize, 1e-6);
  EXPECT_NEAR(report->nll_error, 0, 1e-9);
  EXPECT_EQ(report->n_scored, 99u);
  EXPECT_EQ(report->n_windows, 1u);
}

TEST(Perplexity, ScoresTheSecondHalfOfEveryWindow) {
  FakeModel model(certain('a', 0.5));
  std::vector<Token> tokens(70, 'a');
  tokens[0] = fake::kBos;
  const auto report = measure_perplexity(model, nullptr, tokens, {.window = 16});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->n_windows, 4u);
  EXPECT_EQ(report->n_scored, 4u * 7u);
  EXPECT_NEAR(report->nll, std::log(2.0), 1e-6);
}

TEST(Perplexity, DistanceBetweenTwoModels) {
  FakeModel q(certain('a', 0.5)), p(certain('a', 0.8)), other(certain('b', 0.8));
  const std::vector<Token> tokens(40, 'a');
  const auto report = measure_perplexity(q, &p, tokens, {});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_TRUE(report->against);
  // The rest is shared evenly by both, so only two outcomes differ.
  EXPECT_NEAR(report->against->kl_mean, 0.8 * std::log(0.8 / 0.5) + 0.2 * std::log(0.2 / 0.5), 1e-6);
  EXPECT_NEAR(report->against->kl_max, report->against->kl_mean, 1e-9);
  EXPECT_NEAR(report->against->nll, -std::log(0.8), 1e-6);
  EXPECT_EQ(report->against->top1_agreement, 1.0);
  EXPECT_EQ(measure_perplexity(q, &other, tokens, {})->against->top1_agreement, 0.0);
}

TEST(Perplexity, RefusesWhatCannotBe) {
  FakeModel model{Script{}};
  const std::vector<Token> tokens(40, 'a');
  EXPECT_FALSE(measure_perplexity(model, nullptr, std::span(tokens).first(1), {}));
  EXPECT_FALSE(measure_perplexity(model, nullptr, tokens, {.window = 3}));
  EXPECT_FALSE(measure_perplexity(model, nullptr, tokens, {.window = 1u << 20}));
  const auto cancelled = measure_perplexity(model, nullptr, tokens, {.cancelled = [] { return true; }});
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(model.length(1).has_value(), false) << "no sequence is left behind";
  Script script;
  script.capabilities.logits = Capabilities::Logits::kLast;
  FakeModel last_only(script);
  EXPECT_FALSE(measure_perplexity(last_only, nullptr, tokens, {}));
}

}  // namespace
}  // namespace hearth::measure
