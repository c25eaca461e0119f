// What loads really took is kept, corrects the next prediction, and a damaged or hostile file is no history.
#include "library/fit/history.h"

#include <gtest/gtest.h>

#include "file/temporary_folder.h"

namespace hearth::fit {
namespace {

LoadRecord record(const char* model, std::uint64_t measured, double tok_s) {
  return {.device = "here",
          .model = model,
          .predicted_bytes = 1000,
          .measured_bytes = measured,
          .predicted_tok_s = 10,
          .measured_tok_s = tok_s};
}

TEST(LoadHistory, CorrectsByTheMedian) {
  LoadHistory history;
  for (const std::uint64_t measured : {1100, 1200, 1300}) history.add(record("a", measured, 8));
  history.add(record("b", 900, 5));
  const Correction a = history.correction("here", "a");
  EXPECT_DOUBLE_EQ(a.memory, 1.2);
  EXPECT_DOUBLE_EQ(a.speed, 0.8);
  EXPECT_EQ(a.n_memory, 3u);
  const Correction other = history.correction("here", "c");  // speed is learned across models, memory is not
  EXPECT_DOUBLE_EQ(other.memory, 1);
  EXPECT_DOUBLE_EQ(other.speed, 0.8);
  EXPECT_EQ(history.correction("elsewhere", "a").n_speed, 0u);
  ASSERT_NE(history.last("here", "a"), nullptr);
  EXPECT_EQ(history.last("here", "a")->measured_bytes, 1300u);
}

TEST(LoadHistory, DisturbedMeasurementsDoNotCount) {
  LoadHistory history;
  history.add(record("a", 9000, 1));
  EXPECT_EQ(history.correction("here", "a").n_memory, 0u);
  EXPECT_EQ(history.correction("here", "a").n_speed, 0u);
}

TEST(LoadHistory, ThereAndBackAgain) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "loads.json";
  EXPECT_TRUE(LoadHistory::read(path).records().empty());
  LoadHistory history;
  for (int i = 0; i < 300; ++i) history.add(record("a", 1000 + static_cast<std::uint64_t>(i), 9));
  EXPECT_EQ(history.records().size(), 256u);
  ASSERT_TRUE(history.write(path));
  const LoadHistory again = LoadHistory::read(path);
  ASSERT_EQ(again.records().size(), 256u);
  EXPECT_EQ(again.records().back().measured_bytes, 1299u);
}

TEST(LoadHistory, HostileFilesAreNoHistory) {
  for (
      const char* text :
      {"", "[]", "{", R"({"version":2,"loads":[]})", R"({"version":1,"loads":7})", R"({"version":1,"loads":[{}]})",
       R"({"version":1,"loads":[{"device":"here","model":"a","predicted_bytes":"many"}]})",
       R"({"version":1,"loads":[{"device":"here","model":"a","predicted_bytes":1,"measured_bytes":1,"predicted_tok_s":1e300,"measured_tok_s":1}]})"})
    EXPECT_TRUE(LoadHistory::parse(text).records().empty()) << text;
  EXPECT_TRUE(LoadHistory::parse(std::string(200'000, '[')).records().empty());
}

}  // namespace
}  // namespace hearth::fit
