// The examples of README and the docs are executed: each line that starts with the command runs, in order, in a folder
// where the files it names exist.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data_path.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

const std::string kCommand = "build/hearth";

std::vector<std::string> examples(const fs::path& page) {
  const std::string text = read_text(fs::path(HEARTH_SOURCE_DIR) / page), mark = "\n    " + kCommand + " ";
  std::vector<std::string> lines;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    std::string line = text.substr(at + 5, text.find('\n', at + 1) - at - 5);
    line.resize(std::min(line.find("  #"), line.size()));
    lines.push_back(line.substr(kCommand.size()));
  }
  return lines;
}

/// A folder with the files that examples name.
class Examples : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth_examples_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    const fs::path golden = data_path("golden/arch/llama");
    if (auto why = missing(golden)) GTEST_SKIP() << *why;
    for (const char* model : {"MODEL.gguf", "OTHER.gguf", "IN.gguf"})
      fs::create_symlink(fs::absolute(golden / "model.gguf"), folder_ / model);
    fs::create_symlink(fs::absolute(golden / "tokens.json"), folder_ / "ids.json");
    std::ofstream(folder_ / "SCHEMA.json") << R"({"type":"object","required":["name"]})";
    std::ofstream(folder_ / "REPLY.json") << R"({"name":"Ada"})";
    for (const char* text : {"text", "text.txt"})
      std::ofstream(folder_ / text) << "Once upon a time there was a little dog who liked to play in the park.\n";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void run(const fs::path& page) {
    const std::vector<std::string> lines = examples(page);
    ASSERT_FALSE(lines.empty()) << page;
    for (const std::string& line : lines) {
      const std::string input = line.find('<') == std::string::npos ? " < /dev/null" : "";
      const std::string log = (folder_ / "log").string();
      const int status = std::system(("(cd " + folder_.string() + " && HEARTH_CACHE=cache " + HEARTH_COMMAND + line +
                                      input + ") > " +  // NOLINT
                                      log + " 2>&1")
                                         .c_str());
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << line << "\n" << read_text(log);
    }
  }

  [[nodiscard]] std::uintmax_t size_of(const char* file) const { return fs::file_size(folder_ / file); }

  fs::path folder_;
};

TEST_F(Examples, OfReadme) {
  run("README.md");
  EXPECT_GT(size_of("logits.f32"), 0u);
  EXPECT_GT(size_of("OUT.gguf"), 0u);
}

TEST_F(Examples, OfPerformance) {
  run("docs/performance.md");
}

TEST_F(Examples, OfCache) {
  run("docs/cache.md");
}

TEST_F(Examples, OfQuantization) {
  const fs::path stories = data_path("weights/stories260K/stories260K.gguf");
  if (auto why = missing(stories)) GTEST_SKIP() << *why;
  fs::create_symlink(fs::absolute(stories), folder_ / "stories260K.gguf");
  run("docs/quantization.md");
  EXPECT_GT(size_of("story.txt"), 1000u);
}

}  // namespace
}  // namespace hearth::testing
