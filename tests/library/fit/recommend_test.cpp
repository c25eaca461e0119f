// The picks that each class of devices is expected to get, as rows; what is said of a model that nearly fits.
#include <gtest/gtest.h>

#include <algorithm>

#include "library/fit/proposal.h"

namespace hearth::fit {
namespace {

Candidate candidate(const char* name, double billions, std::uint32_t layers, std::uint32_t dim, std::uint32_t ffn,
                    std::uint32_t heads, std::uint32_t kv_heads, std::uint32_t head_dim, std::uint32_t vocab,
                    std::uint32_t n_ctx, std::vector<std::string> uses = {"chat"}) {
  return {.name = name,
          .n_parameters = static_cast<std::uint64_t>(billions * 1e9),
          .n_layers = layers,
          .dim = dim,
          .ffn_dim = ffn,
          .n_heads = heads,
          .n_kv_heads = kv_heads,
          .head_dim = head_dim,
          .vocab_size = vocab,
          .n_ctx_train = n_ctx,
          .uses = std::move(uses)};
}

/// Shapes as their publishers' configurations give them, at 4.85 bits (Q4_K_M).
std::vector<Candidate> models() {
  return {candidate("tinyllama-1.1b", 1.10, 22, 2048, 5632, 32, 4, 64, 32000, 2048),
          candidate("llama-3.2-1b", 1.24, 16, 2048, 8192, 32, 8, 64, 128256, 131072),
          candidate("qwen2.5-1.5b", 1.54, 28, 1536, 8960, 12, 2, 128, 151936, 32768, {"chat", "code"}),
          candidate("gemma-2-2b", 2.61, 26, 2304, 9216, 8, 4, 256, 256000, 8192),
          candidate("llama-3.2-3b", 3.21, 28, 3072, 8192, 24, 8, 128, 128256, 131072),
          candidate("mistral-7b", 7.25, 32, 4096, 14336, 32, 8, 128, 32768, 32768),
          candidate("llama-3.1-8b", 8.03, 32, 4096, 14336, 32, 8, 128, 128256, 131072),
          candidate("qwen2.5-14b", 14.8, 48, 5120, 13824, 40, 8, 128, 152064, 32768, {"chat", "code"}),
          candidate("qwen2.5-32b", 32.8, 64, 5120, 27648, 40, 8, 128, 152064, 32768, {"chat", "code"}),
          candidate("llama-3.3-70b", 70.6, 80, 8192, 28672, 64, 8, 128, 128256, 131072)};
}

struct ExpectedRow {
  const char* device;
  double least_billions, most_billions;  // of the first pick
};

TEST(Recommend, ExpectedPicksPerDeviceClass) {
  const std::vector<ExpectedRow> rows = {{"phone-4", 1.0, 1.3},   {"phone-6", 1.5, 3.3},    {"phone-8", 3.0, 3.3},
                                         {"phone-12", 7.0, 8.1},  {"computer-8", 3.0, 7.3}, {"computer-16", 14, 15},
                                         {"computer-32", 32, 33}, {"computer-64", 70, 71}};
  const std::vector<Candidate> all = models();
  ASSERT_EQ(device_classes().size(), rows.size());
  for (const ExpectedRow& row : rows) {
    const DeviceClass* device = find_device_class(row.device);
    ASSERT_NE(device, nullptr) << row.device;
    const auto picks = recommend(all, "chat", *device, budget_of(*device));
    ASSERT_FALSE(picks.empty()) << row.device;
    const double billions = static_cast<double>(picks.front().model->n_parameters) / 1e9;
    EXPECT_EQ(picks.front().verdict, Verdict::kComfortable) << row.device << " " << picks.front().model->name;
    EXPECT_GE(billions, row.least_billions) << row.device << " " << picks.front().model->name;
    EXPECT_LE(billions, row.most_billions) << row.device << " " << picks.front().model->name;
    EXPECT_GE(picks.front().running.n_ctx, 2048u);
    EXPECT_LE(picks.front().need.total(), budget_of(*device).comfortable_bytes);
  }
}

TEST(Recommend, ASevenBFitsEightGigabytesOnlyAlone) {
  const DeviceClass& phone = *find_device_class("phone-8");
  const Candidate seven = candidate("mistral-7b", 7.25, 32, 4096, 14336, 32, 8, 128, 32768, 32768);
  const auto picks = recommend({&seven, 1}, "", phone, budget_of(phone));
  ASSERT_EQ(picks.size(), 1u);
  EXPECT_EQ(picks.front().verdict, Verdict::kAlone);
  EXPECT_EQ(verdict_text(picks.front().verdict), "fits only when nothing else runs");
  const Candidate fourteen = models()[7];
  EXPECT_TRUE(recommend({&fourteen, 1}, "", phone, budget_of(phone)).empty());
}

TEST(Recommend, UsesAndShares) {
  const std::vector<Candidate> all = models();
  const DeviceClass& computer = *find_device_class("computer-16");
  for (const Pick& pick : recommend(all, "code", computer, budget_of(computer)))
    EXPECT_NE(std::ranges::find(pick.model->uses, "code"), pick.model->uses.end());
  EXPECT_TRUE(recommend(all, "embedding", computer, budget_of(computer)).empty());
  const auto whole = recommend(all, "chat", computer, budget_of(computer));
  const auto little = recommend(all, "chat", computer, budget_of(computer, 0.2));
  ASSERT_FALSE(little.empty());
  EXPECT_LT(little.front().model->n_parameters, whole.front().model->n_parameters);
}

TEST(DeviceClass, MachinesShowLessThanIsBuiltIn) {
  using Kind = DeviceClass::Kind;
  constexpr std::uint64_t kGiB = 1u << 30;
  EXPECT_EQ(class_for(Kind::kComputer, 15 * kGiB + kGiB / 2).name, "computer-16");
  EXPECT_EQ(class_for(Kind::kComputer, 23 * kGiB).name, "computer-16");
  EXPECT_EQ(class_for(Kind::kComputer, 500 * kGiB).name, "computer-64");
  EXPECT_EQ(class_for(Kind::kComputer, 2 * kGiB).name, "computer-8");
  EXPECT_EQ(class_for(Kind::kPhone, 36 * kGiB / 10).name, "phone-4");
  EXPECT_EQ(find_device_class("phone-5"), nullptr);
  for (const DeviceClass& row : device_classes()) {
    if (row.kind == Kind::kPhone) {
      EXPECT_EQ(row.max_app_fraction, 0.5) << row.name;
    }
    const Budget budget = budget_of(row);
    EXPECT_LT(budget.comfortable_bytes, budget.share_bytes);
    EXPECT_LE(budget.share_bytes, budget.alone_bytes);
  }
}

TEST(DeviceClass, AContainersLimitIsTheMachine) {
  constexpr std::uint64_t kGiB = 1u << 30;
  const MemoryState state{.total_bytes = 64 * kGiB, .available_bytes = 60 * kGiB, .group_limit_bytes = 4 * kGiB};
  const Budget budget = budget_of(*find_device_class("computer-64"), state);
  EXPECT_EQ(budget.alone_bytes, 4 * kGiB);
  EXPECT_LT(budget.share_bytes, 4 * kGiB);
}

MemoryPlan eight_b() {
  return plan_of(models()[6]);
}

TEST(Propose, TheMildestChangeFirst) {
  constexpr std::uint64_t kGiB = 1u << 30;
  const Running wanted{.n_ctx = 32768};
  const Budget budget{.comfortable_bytes = 6 * kGiB, .share_bytes = 7 * kGiB, .alone_bytes = 8 * kGiB};
  EXPECT_EQ(judge(need_of(eight_b(), wanted).total(), budget), Verdict::kNo);
  const auto proposals = propose(eight_b(), 8'030'000'000, wanted, budget, 16 * kGiB);
  ASSERT_FALSE(proposals.empty());
  EXPECT_EQ(proposals.front().what, "--kv q8_0");
  EXPECT_LE(proposals.front().need_bytes, budget.share_bytes);
}

TEST(Propose, AnotherQuantizationThenASmallerModel) {
  constexpr std::uint64_t kGiB = 1u << 30;
  const Running wanted{.n_ctx = 2048};
  const Budget budget{.comfortable_bytes = 4 * kGiB, .share_bytes = 9 * kGiB / 2, .alone_bytes = 5 * kGiB};
  const auto proposals = propose(eight_b(), 8'030'000'000, wanted, budget, 16 * kGiB);
  ASSERT_FALSE(proposals.empty());
  EXPECT_EQ(proposals.front().what, "the same model as IQ4_XS");
  const auto none = propose(plan_of(models()[9]), 70'600'000'000, wanted, budget, 16 * kGiB);
  ASSERT_EQ(none.size(), 1u);
  EXPECT_NE(none.front().what.find("billion parameters at 4 bits"), std::string::npos) << none.front().what;
}

TEST(Propose, WhatIsFreeCounts) {
  constexpr std::uint64_t kGiB = 1u << 30;
  const Budget budget{.comfortable_bytes = 6 * kGiB, .share_bytes = 7 * kGiB, .alone_bytes = 8 * kGiB};
  EXPECT_EQ(judge(5 * kGiB, budget, 6 * kGiB), Verdict::kComfortable);
  EXPECT_EQ(judge(5 * kGiB, budget, 4 * kGiB), Verdict::kBusy);
  EXPECT_EQ(judge(9 * kGiB, budget, 4 * kGiB), Verdict::kNo);
}

}  // namespace
}  // namespace hearth::fit
