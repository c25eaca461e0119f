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
#include "library/local_hub.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

/// Lines of the page that begin with the command, or write something to it.
std::vector<std::string> examples(const fs::path& page) {
  std::vector<std::string> lines;
  std::ifstream text(page);
  for (std::string line; std::getline(text, line);) {
    const bool command = line.starts_with("    build/hearth ") || line.starts_with("    hearth ");
    const bool pipe = line.starts_with("    printf ") && line.find("| hearth ") != std::string::npos;
    if (!command && !pipe) continue;
    line.resize(std::min(line.find("  #", 4), line.size()));
    lines.push_back(line.substr(4));
  }
  return lines;
}

std::vector<std::string> pages_with_examples() {
  const fs::path root = HEARTH_SOURCE_DIR;
  std::vector<std::string> pages;
  if (!examples(root / "README.md").empty()) pages.emplace_back("README.md");
  for (const auto& entry : fs::directory_iterator(root / "docs")) {
    if (entry.path().extension() == ".md" && !examples(entry.path()).empty())
      pages.push_back("docs/" + entry.path().filename().string());
  }
  std::ranges::sort(pages);
  return pages;
}

/// A folder with the files that examples name.
class Examples : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth_examples_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    const fs::path golden = data_path("golden/arch/llama"), encoder = data_path("golden/arch/bert/model.gguf"),
                   stories = data_path("weights/stories260K/stories260K.gguf");
    for (const fs::path& needed : {golden, encoder, stories})
      if (auto why = missing(needed)) GTEST_SKIP() << *why;
    for (const char* model : {"MODEL.gguf", "OTHER.gguf", "IN.gguf"})
      fs::create_symlink(fs::absolute(golden / "model.gguf"), folder_ / model);
    fs::create_symlink(fs::absolute(encoder), folder_ / "ENCODER.gguf");
    fs::create_symlink(fs::absolute(stories), folder_ / "stories260K.gguf");
    fs::create_symlink(fs::absolute(golden / "tokens.json"), folder_ / "ids.json");
    write("schema.json",
          R"({"type": "object", "properties": {"name": {"enum": ["Ada", "Bob"]}}, "required": ["name"]})");
    write("reply.json", R"({"name":"Ada"})");
    write("weather.json",
          R"({"name": "weather", "parameters": {"type": "object"}, "command": ["echo", "12 degrees"]})");
    for (const char* text : {"text", "text.txt"})
      write(text, "Once upon a time there was a little dog who liked to play in the park.\n");
    hub_.put("bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf", read_text(stories));
    hub_.put("Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q4_k_m.gguf", read_text(golden / "model.gguf"));
    fs::create_directory(folder_ / "build");
    write("build/hearth", std::string("#!/bin/sh\nexec ") + HEARTH_COMMAND + " \"$@\"\n");
    fs::permissions(folder_ / "build/hearth", fs::perms::owner_all);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const char* file, const std::string& text) const { std::ofstream(folder_ / file) << text; }

  LocalHub hub_;  // in place of the one on the internet
  fs::path folder_;
};

TEST_P(Examples, Run) {
  for (const std::string& line : examples(fs::path(HEARTH_SOURCE_DIR) / GetParam())) {
    const std::string input = line.find_first_of("<|") == std::string::npos ? " < /dev/null" : "";
    const std::string log = (folder_ / "log").string();
    const int status =
        std::system(("(cd " + folder_.string() + " && HEARTH_CACHE=cache HEARTH_HOME=models HF_ENDPOINT=" + hub_.url() +
                     " PATH=$PWD/build:$PATH && export HEARTH_CACHE HEARTH_HOME HF_ENDPOINT PATH && " + line + input +
                     ") > " + log + " 2>&1")
                        .c_str());  // NOLINT
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << line << "\n" << read_text(log);
  }
}

INSTANTIATE_TEST_SUITE_P(Docs, Examples, ::testing::ValuesIn(pages_with_examples()), [](const auto& page) {
  std::string name = page.param;
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace hearth::testing
