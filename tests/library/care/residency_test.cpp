// Models under one budget: who goes, who stays, what is refused, and what a failed switch leaves behind.
#include "library/care/residency.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/fake/fake_model.h"
#include "library/care/idle_collector.h"

namespace hearth::care {
namespace {

using namespace std::chrono_literals;

class ResidencyTest : public ::testing::Test {
 protected:
  Residency make(std::uint64_t budget) {
    return Residency({.budget_bytes = budget,
                      .keep_alive = 60s,
                      .predict = [](const std::string& model) -> Result<std::uint64_t> {
                        return static_cast<std::uint64_t>(model.back() - '0');  // "a3" takes 3
                      },
                      .load = [this](const std::string& model, const ResidencyOptions::Progress& progress)
                          -> Result<std::unique_ptr<LanguageModel>> {
                        ++n_loads_;
                        progress(1, 2);
                        if (broken_ == model) return fail(ErrorCode::kCorruptedModel, "it is broken");
                        return std::make_unique<fake::FakeModel>(fake::Script());
                      },
                      .on_event =
                          [this](const ResidencyEvent& event) {
                            using Kind = ResidencyEvent::Kind;
                            if (event.kind == Kind::kLoaded) told_ += "+" + event.model + " ";
                            if (event.kind == Kind::kUnloaded) told_ += "-" + event.model + " ";
                            if (event.kind == Kind::kFailed) told_ += "!" + event.model + " ";
                            if (event.kind == Kind::kProgress) ++n_progress_;
                          },
                      .now = [this] { return now_ += 1s; }});
  }
  std::string told_, broken_;
  std::atomic<int> n_loads_ = 0, n_progress_ = 0;
  Clock::time_point now_{};
};

TEST_F(ResidencyTest, TheOneUsedLongestAgoGoes) {
  Residency residency = make(10);
  EXPECT_EQ(n_loads_, 0) << "nothing is loaded before it is used";
  ASSERT_TRUE(residency.use("a4"));
  ASSERT_TRUE(residency.use("b4"));
  ASSERT_TRUE(residency.use("a4"));
  EXPECT_EQ(n_loads_, 2);
  ASSERT_TRUE(residency.use("c3"));
  EXPECT_EQ(told_, "+a4 +b4 -b4 +c3 ");
  EXPECT_EQ(residency.used_bytes(), 7u);
  EXPECT_EQ(residency.list().front().model, "c3");
  EXPECT_EQ(n_progress_, 3);
}

TEST_F(ResidencyTest, WhatIsInUseOrPinnedStaysAndTheRefusalNamesIt) {
  Residency residency = make(10);
  const auto used = residency.use("a4");
  ASSERT_TRUE(residency.use("b5"));
  ASSERT_TRUE(residency.pin("b5", Residency::Pin::kYes));
  const auto refused = residency.use("c3");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInsufficientMemory);
  EXPECT_NE(refused.error().message.find("(in use)"), std::string::npos);
  EXPECT_NE(refused.error().message.find("(pinned)"), std::string::npos);
  EXPECT_EQ(residency.list().size(), 2u) << "nothing goes for one that cannot come";
  EXPECT_FALSE(residency.use("d99"));  // takes 9
  ASSERT_TRUE(residency.pin("b5", Residency::Pin::kNo));
  EXPECT_TRUE(residency.use("c3"));
  EXPECT_FALSE(residency.pin("z1", Residency::Pin::kYes));
}

TEST_F(ResidencyTest, IdlersGoAndComeBackWhenUsed) {
  Residency residency = make(10);
  ASSERT_TRUE(residency.use("a1"));
  ASSERT_TRUE(residency.use("b1"));
  ASSERT_TRUE(residency.keep_alive("b1", 0s));
  const auto in_use = residency.use("c1");
  ASSERT_TRUE(residency.collect_idle());
  now_ += 100s;
  residency.collect_idle();
  EXPECT_EQ(told_, "+a1 +b1 +c1 -a1 ");
  EXPECT_TRUE(residency.use("a1"));
  EXPECT_EQ(n_loads_, 4);
}

TEST_F(ResidencyTest, UnloadOnRequest) {
  Residency residency = make(10);
  auto model = residency.use("a1");
  EXPECT_EQ(residency.unload("a1").error().code, ErrorCode::kBusy);
  model->reset();
  EXPECT_TRUE(residency.unload("a1"));
  EXPECT_EQ(residency.unload("a1").error().code, ErrorCode::kFileNotFound);
  EXPECT_EQ(residency.used_bytes(), 0u);
}

TEST_F(ResidencyTest, ASwitchKeepsTheOldOneUntilTheNewOneWorks) {
  Residency residency = make(10);
  ASSERT_TRUE(residency.use("a4"));
  broken_ = "b5";
  EXPECT_FALSE(residency.switch_to("b5", "a4"));  // room for both: the old one was never touched
  EXPECT_EQ(told_, "+a4 !b5 ");
  broken_ = "b7";
  const auto failed = residency.switch_to("b7", "a4");  // no room for both: it went and came back
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kCorruptedModel);
  EXPECT_EQ(told_, "+a4 !b5 -a4 !b7 +a4 ");
  broken_.clear();
  EXPECT_TRUE(residency.switch_to("b7", "a4"));
  EXPECT_EQ(residency.list().size(), 1u);
  EXPECT_TRUE(residency.switch_to("b7", "a4")) << "it is here already";
}

TEST_F(ResidencyTest, ASwitchFromOneInUseIsRefusedWhenThereIsNoRoom) {
  Residency residency = make(10);
  const auto used = residency.use("a4");
  EXPECT_EQ(residency.switch_to("b7", "a4").error().code, ErrorCode::kInsufficientMemory);
  EXPECT_EQ(residency.list().size(), 1u);
}

TEST(ResidencyShortage, IdlersGoWhereTheMemoryIsNotThereThatTheBudgetCountsOn) {
  int n_here = 0;  // the machine holds two
  Residency residency(
      {.budget_bytes = 100,
       .predict = [](const std::string&) -> Result<std::uint64_t> { return 1; },
       .load = [&](const std::string&, const ResidencyOptions::Progress&) -> Result<std::unique_ptr<LanguageModel>> {
         if (n_here == 2) return fail(ErrorCode::kInsufficientMemory, "no memory");
         return std::make_unique<fake::FakeModel>(fake::Script());
       },
       .on_event =
           [&](const ResidencyEvent& event) {
             n_here += event.kind == ResidencyEvent::Kind::kLoaded;
             n_here -= event.kind == ResidencyEvent::Kind::kUnloaded;
           }});
  ASSERT_TRUE(residency.use("a"));
  const auto b = residency.use("b");
  ASSERT_TRUE(residency.use("c"));
  EXPECT_EQ(residency.list().size(), 2u);
  EXPECT_EQ(residency.unload("a").error().code, ErrorCode::kFileNotFound) << "the one used longest ago went";
  const auto c = residency.use("c");
  EXPECT_EQ(residency.use("d").error().code, ErrorCode::kInsufficientMemory) << "both are in use";
}

TEST(ResidencyThreads, IdlersAreCollected) {
  std::atomic<int> s = 0;
  std::atomic<bool> gone = false;
  Residency residency(
      {.budget_bytes = 3,
       .keep_alive = 60s,
       .predict = [](const std::string&) -> Result<std::uint64_t> { return 1; },
       .load = [](const std::string&, const ResidencyOptions::Progress&) -> Result<std::unique_ptr<LanguageModel>> {
         return std::make_unique<fake::FakeModel>(fake::Script());
       },
       .on_event = [&](const ResidencyEvent& event) { gone = event.kind == ResidencyEvent::Kind::kUnloaded; },
       .now = [&] { return Clock::time_point(std::chrono::seconds(s)); }});
  const IdleCollector collector(residency, 1ms);
  ASSERT_TRUE(residency.use("a"));
  s = 61;
  for (int i = 0; i < 10'000 && !gone; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(gone);
  EXPECT_TRUE(residency.list().empty());
}

TEST(ResidencyThreads, OneLoadForAllThatAskAndNeverMoreThanTheBudget) {
  std::atomic<int> n_here = 0, n_most = 0;
  Residency residency(
      {.budget_bytes = 3,
       .predict = [](const std::string&) -> Result<std::uint64_t> { return 1; },
       .load = [](const std::string&, const ResidencyOptions::Progress&) -> Result<std::unique_ptr<LanguageModel>> {
         return std::make_unique<fake::FakeModel>(fake::Script());
       },
       .on_event =
           [&](const ResidencyEvent& event) {
             if (event.kind == ResidencyEvent::Kind::kLoaded) n_most = std::max(n_most.load(), ++n_here);
             if (event.kind == ResidencyEvent::Kind::kUnloaded) --n_here;
           }});
  std::vector<std::thread> threads;
  std::atomic<int> n_failed = 0;
  for (int t = 0; t < 3; ++t) {  // each holds one at a time, so there is always room
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        if (!residency.use("m" + std::to_string((i * (t + 1)) % 6))) ++n_failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_failed, 0);
  EXPECT_LE(n_most, 3);
  EXPECT_LE(residency.used_bytes(), 3u);
}

}  // namespace
}  // namespace hearth::care
