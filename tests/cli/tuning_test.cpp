// Calibration as it is kept between starts: made once, read again, never believed when it is for something else.
#include "cli/tuning.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "file/temporary_folder.h"

namespace hearth::cli {
namespace {

measure::Calibration example() {
  measure::Calibration c;
  c.isa = "scalar";
  c.n_threads = 3;
  c.tables = {{"scalar", 1.5, 2.5}};
  c.threads = {{3, 12.25}};
  return c;
}

TEST(Tuning, JsonComesBackAsItWas) {
  const auto back = parse_calibration(calibration_json(example(), "key"), "key");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->isa, "scalar");
  EXPECT_EQ(back->n_threads, 3);
  ASSERT_EQ(back->tables.size(), 1u);
  EXPECT_EQ(back->tables[0].many_columns_gop_s, 2.5);
  ASSERT_EQ(back->threads.size(), 1u);
  EXPECT_EQ(back->threads[0].read_gb_s, 12.25);
}

TEST(Tuning, OthersAndDamagedOnesAreNotBelieved) {
  const std::string json = calibration_json(example(), "key");
  EXPECT_FALSE(parse_calibration(json, "another key"));
  for (std::size_t n = 0; n + 2 < json.size(); n += 7) EXPECT_FALSE(parse_calibration(json.substr(0, n), "key")) << n;
  EXPECT_FALSE(parse_calibration("[]", "key"));
  EXPECT_FALSE(
      parse_calibration(R"({"for": "key", "isa": 5, "threads": 1, "tables": [], "thread_trials": []})", "key"));
  measure::Calibration wild = example();
  wild.isa = "pdp11";
  EXPECT_FALSE(parse_calibration(calibration_json(wild, "key"), "key"));
  for (const int threads : {0, -1, 1 << 20}) {
    wild = example();
    wild.n_threads = threads;
    EXPECT_FALSE(parse_calibration(calibration_json(wild, "key"), "key")) << threads;
  }
}

class TunedTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder own_;
  std::filesystem::path folder_ = own_.path() / "made-when-needed";
};

TEST_F(TunedTest, MeasuresOnceAndReadsAfterwards) {
  Settings settings;
  settings.cache = folder_.string();
  const Settings first = tuned(settings);
  EXPECT_GE(first.n_threads, 1u);
  EXPECT_FALSE(first.isa.empty());
  const auto written = std::filesystem::last_write_time(folder_ / "calibration.json");
  const Settings second = tuned(settings);
  EXPECT_EQ(second.n_threads, first.n_threads);
  EXPECT_EQ(second.isa, first.isa);
  EXPECT_EQ(std::filesystem::last_write_time(folder_ / "calibration.json"), written);
}

TEST_F(TunedTest, WhatThePersonSaidStays) {
  Settings settings;
  settings.cache = folder_.string();
  settings.n_threads = 7;
  EXPECT_EQ(tuned(settings).n_threads, 7u);
  settings.isa = "scalar";
  EXPECT_EQ(tuned(settings).isa, "scalar");
}

TEST_F(TunedTest, WithoutAFolderNothingIsMeasured) {
  for (const char* folder : {"", "off"}) {
    Settings settings;
    settings.cache = folder;
    EXPECT_EQ(tuned(settings).n_threads, 0u);
    EXPECT_TRUE(tuned(settings).isa.empty());
  }
}

}  // namespace
}  // namespace hearth::cli
