// README's examples are executed: each line of "Using it" runs with real files in place of its placeholders.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "data_path.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> examples() {
  const std::string readme = read_text(fs::path(HEARTH_SOURCE_DIR) / "README.md");
  std::vector<std::string> lines;
  const std::string mark = "\n    build/hearth ";
  for (std::size_t at = readme.find(mark); at != std::string::npos; at = readme.find(mark, at + 1)) {
    std::string line = readme.substr(at + 5, readme.find('\n', at + 1) - at - 5);
    line.resize(std::min(line.find("  #"), line.size()));
    lines.push_back(line);
  }
  return lines;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

TEST(Readme, ExamplesRun) {
  const fs::path golden = data_path("golden/arch/llama");
  if (auto why = missing(golden)) GTEST_SKIP() << *why;
  std::string name = (fs::temp_directory_path() / "hearth_readme_XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const fs::path folder = name;
  std::ofstream(folder / "text.txt") << "Once upon a time there was a little dog who liked to play in the park.\n";
  const std::vector<std::pair<std::string, std::string>> places = {{"build/hearth", HEARTH_COMMAND},
                                                                   {"OTHER.gguf", (golden / "model.gguf").string()},
                                                                   {"IN.gguf", (golden / "model.gguf").string()},
                                                                   {"OUT.gguf", (folder / "out.gguf").string()},
                                                                   {"MODEL.gguf", (golden / "model.gguf").string()},
                                                                   {"ids.json", (golden / "tokens.json").string()},
                                                                   {"logits.f32", (folder / "logits.f32").string()},
                                                                   {"text.txt", (folder / "text.txt").string()},
                                                                   {"< text", "< " + (folder / "text.txt").string()}};
  const std::vector<std::string> lines = examples();
  EXPECT_GE(lines.size(), 8u);
  for (std::string line : lines) {
    for (const auto& [placeholder, path] : places) replace_all(line, placeholder, path);
    if (line.find('<') == std::string::npos) line += " < /dev/null";
    const std::string log = (folder / "log").string();
    const int status = std::system(("(" + line + ") > " + log + " 2>&1").c_str());
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << line << "\n" << read_text(log);
    EXPECT_GT(fs::file_size(log) + (line.find(" logits ") != std::string::npos ? 1 : 0), 0u) << line << " said nothing";
  }
  EXPECT_GT(fs::file_size(folder / "logits.f32"), 0u);
  EXPECT_GT(fs::file_size(folder / "out.gguf"), 0u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace hearth::testing
