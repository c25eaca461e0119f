// Cores told apart by what the system says of them, read from made-up folders.
#include "device/cores.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "file/temporary_folder.h"

namespace hearth {
namespace {

class CoresTest : public ::testing::Test {
 protected:
  void write(int cpu, const std::string& file, const std::string& text) {
    const auto path = root_ / ("cpu" + std::to_string(cpu)) / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path root_ = folder_.path();
};

TEST_F(CoresTest, CountsWhatTheProcessMayUse) {
  const std::vector<Core> cores = usable_cores();
  ASSERT_FALSE(cores.empty());
  const CoreCounts counts = count_cores(cores);
  EXPECT_GE(counts.big, 1);
  EXPECT_LE(counts.big, counts.physical);
  EXPECT_LE(counts.physical, counts.logical);
  EXPECT_EQ(counts.logical, static_cast<int>(cores.size()));
}

TEST_F(CoresTest, ReadsCapacityBeforeFrequency) {
  const int cpu = usable_cores().front().cpu;
  write(cpu, "cpufreq/cpuinfo_max_freq", "3000000");
  EXPECT_EQ(usable_cores(root_.string()).front().speed, 3000000);
  write(cpu, "cpu_capacity", "512");
  EXPECT_EQ(usable_cores(root_.string()).front().speed, 512);
}

TEST_F(CoresTest, SiblingsAreOnePhysicalCore) {
  const std::vector<Core> cores = usable_cores();
  if (cores.size() < 2) GTEST_SKIP() << "needs two processors";
  const std::string siblings = std::to_string(cores[0].cpu) + "," + std::to_string(cores[1].cpu);
  write(cores[0].cpu, "topology/thread_siblings_list", siblings);
  write(cores[1].cpu, "topology/thread_siblings_list", siblings);
  const std::vector<Core> read = usable_cores(root_.string());
  EXPECT_TRUE(read[0].first);
  EXPECT_FALSE(read[1].first);
}

TEST(CountCores, SmallCoresAreNotBig) {
  // A phone: one fastest, three a little slower, four small.
  const CoreCounts phone =
      count_cores({{0, 250}, {1, 250}, {2, 250}, {3, 250}, {4, 880}, {5, 880}, {6, 880}, {7, 1024}});
  EXPECT_EQ(phone.big, 4);
  EXPECT_EQ(phone.physical, 8);
  // A laptop: two threads on each fast core, one on each small one.
  const CoreCounts laptop =
      count_cores({{0, 5200}, {1, 5200, false}, {2, 5200}, {3, 5200, false}, {4, 3900}, {5, 3900}});
  EXPECT_EQ(laptop.big, 2);
  EXPECT_EQ(laptop.physical, 4);
  EXPECT_EQ(laptop.logical, 6);
  // A virtual machine that says nothing.
  EXPECT_EQ(count_cores({{0, 0}, {1, 0}}).big, 2);
  EXPECT_EQ(count_cores({}).big, 1);
}

}  // namespace
}  // namespace hearth
