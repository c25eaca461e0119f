// The benchmark on the fake engine, whose pace is known.
#include "measure/bench.h"

#include <gtest/gtest.h>

#include "engine/fake/fake_model.h"
#include "measure/loop_cost.h"

namespace hearth::measure {
namespace {

using namespace std::chrono_literals;
using fake::FakeModel;
using fake::Script;

ModelOpener opener(const Script& script) {
  return [script](const std::shared_ptr<ThreadPool>&) -> Result<std::unique_ptr<LanguageModel>> {
    return std::make_unique<FakeModel>(script);
  };
}

BenchOptions small() {
  BenchOptions options;
  options.prompts = {16};
  options.n_decode = 4;
  options.threads = {1};
  options.rounds = 2;
  options.kernels = &kernels::best_table(detect_cpu_features());
  return options;
}

const BenchRow& row(const BenchReport& report, std::string_view test) {
  for (const BenchRow& row : report.rows) {
    if (row.test == test) return row;
  }
  ADD_FAILURE() << "no row " << test;
  return report.rows.front();
}

TEST(Bench, SeveralSequencesAndVerifyingWhereACallCosts) {
  Script script;
  script.delay_per_call = 4ms;  // a token more in a call costs nothing
  BenchOptions options = small();
  options.streams = {1, 4};
  options.depths = {0, 8};
  options.verify = {4};
  const auto report = run_bench(opener(script), {.weight_bytes = 1e9}, options);
  ASSERT_TRUE(report) << report.error().message;
  std::vector<std::string> tests;
  for (const BenchRow& each : report->rows) tests.push_back(each.test);
  EXPECT_EQ(tests, (std::vector<std::string>{"pp16", "tg4", "tg4x4", "vf5", "tg4@8", "tg4x4@8", "vf5@8"}));
  // Wide bounds: a busy machine sleeps longer than it was asked to.
  EXPECT_GT(row(*report, "tg4x4").tok_s / row(*report, "tg4").tok_s, 1.5);
  EXPECT_LT(row(*report, "vf5").of_one_token, 4);  // five tokens
  EXPECT_EQ(row(*report, "tg4").of_one_token, 0);
  // Weights are read once per call, however many tokens it has.
  EXPECT_NEAR(row(*report, "tg4x4").gb_s, row(*report, "tg4x4").tok_s / 4, 1e-3);
  EXPECT_NEAR(row(*report, "vf5").gb_s, row(*report, "vf5").tok_s / 5, 1e-3);
}

TEST(Bench, VerifyingWhereEveryTokenCosts) {
  Script script;
  script.delay_per_token = 20ms;  // far above what a busy machine adds
  BenchOptions options = small();
  options.verify = {4};
  const auto report = run_bench(opener(script), {}, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(row(*report, "vf5").of_one_token, 2.5);
}

TEST(Bench, TheLoopsShareOfAToken) {
  Script script;
  script.delay_per_call = 5ms;
  const auto report = run_bench(opener(script), {}, small());
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->loops.size(), 1u);
  EXPECT_EQ(report->loops[0].threads, 1);
  EXPECT_GE(report->loops[0].model_s, 5e-3);
  EXPECT_GT(report->loops[0].outside_s, 0);
  EXPECT_LT(report->loops[0].share(), 0.5);
}

TEST(Bench, AnEncoderHasNoLoop) {
  Script script;
  script.capabilities.kind = Capabilities::Kind::kEncoder;
  FakeModel model(script);
  const auto cost = measure_loop(model, 4, KvStorage::kF16);
  ASSERT_TRUE(cost);
  EXPECT_FALSE(cost->has_value());
}

TEST(Bench, MoreSequencesThanTheModelHas) {
  Script script;
  script.capabilities.max_sequences = 2;
  BenchOptions options = small();
  options.streams = {3};
  const auto report = run_bench(opener(script), {}, options);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("--streams"), std::string::npos) << report.error().message;
}

TEST(TokenWork, ABatchUsesMoreExpertsThanAToken) {
  const TokenWork dense{.weight_bytes = 100};
  EXPECT_EQ(dense.bytes_for(8), 100);
  const TokenWork experts{.weight_bytes = 100, .expert_bytes = 800, .expert_share = 0.25};
  EXPECT_DOUBLE_EQ(experts.bytes_for(1), 300);
  EXPECT_DOUBLE_EQ(experts.bytes_for(2), 100 + 800 * (1 - 0.75 * 0.75));
}

}  // namespace
}  // namespace hearth::measure
