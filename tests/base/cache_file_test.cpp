// Files of the cache while they are built: one builder at a time, and nothing of what a killed one wrote.
#include "base/cache_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "file/temporary_folder.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FileBuild, NothingOfWhatAKilledBuilderWroteStays) {
  const testing::TemporaryFolder folder;
  const fs::path destination = folder.path() / "weights";
  fs::path left = destination;
  left += FileBuild::kSuffix;
  std::ofstream(left) << std::string(100'000, 'x');
  auto build = *FileBuild::begin(destination);
  ASSERT_TRUE(build);
  ASSERT_TRUE(build->write_at(2, std::as_bytes(std::span("new", 3))));
  ASSERT_TRUE(build->publish());
  EXPECT_EQ(content_of(destination), std::string("\0\0new", 5));
  EXPECT_FALSE(fs::exists(left));
}

TEST(FileBuild, OneBuilderAtATime) {
  const testing::TemporaryFolder folder;
  const fs::path destination = folder.path() / "weights";
  {
    const auto first = *FileBuild::begin(destination);
    ASSERT_TRUE(first);
    EXPECT_FALSE(*FileBuild::begin(destination));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));  // given up, it leaves nothing
  EXPECT_TRUE(*FileBuild::begin(destination));
}

}  // namespace
}  // namespace hearth
