// The pages stay true: every folder of src/ is on the map, and every path that a page names exists.
#include <gtest/gtest.h>

#include <set>

#include "layering/source_tree.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot(HEARTH_SOURCE_DIR);

std::vector<fs::path> pages() {
  std::vector<fs::path> found = {kRoot / "README.md", kRoot / "SECURITY.md"};
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") found.push_back(entry.path());
  }
  return found;
}

/// Words of a page that look like paths of this repository, without those that hold a placeholder (NAME, x*).
std::set<std::string> paths_in(std::string_view text) {
  std::set<std::string> paths;
  const auto in_path = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/' || c == '.' || c == '-' || c == '*';
  };
  for (std::size_t i = 0; i < text.size();) {
    if (!in_path(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && in_path(text[end])) ++end;
    std::string word(text.substr(i, end - i));
    i = end;
    while (!word.empty() && (word.back() == '.' || word.back() == '-')) word.pop_back();
    const bool placeholder = word.find("NAME") != std::string::npos || word.find('*') != std::string::npos;
    bool ours = false;
    for (const char* folder : {"src/", "include/", "tests/", "scripts/", "cmake/", "docs/", "apps/", "bench/"}) {
      ours |= word.starts_with(folder) && word.size() > std::string_view(folder).size();
    }
    if (ours && !placeholder) paths.insert(word);
  }
  return paths;
}

TEST(Docs, EveryNamedPathExists) {
  const std::string plan = read_text(kRoot / "cmake" / "layers.txt");  // folders that have a level may still be to come
  for (const fs::path& page : pages()) {
    for (const std::string& path : paths_in(read_text(page))) {
      const bool planned = plan.find(" " + path + "\n") != std::string::npos;
      EXPECT_TRUE(planned || fs::exists(kRoot / path)) << page.filename().string() << " names " << path;
    }
  }
}

TEST(Docs, EveryFolderIsOnTheMap) {
  const std::string map = read_text(kRoot / "docs" / "journey.md");
  for (const auto& entry : fs::directory_iterator(kRoot / "src")) {
    const std::string folder = "src/" + entry.path().filename().string();
    EXPECT_NE(map.find("**`" + folder + "`**"), std::string::npos) << "docs/journey.md has no paragraph for " << folder;
  }
}

/// Code in fences has brackets of its own.
std::string without_code_blocks(const std::string& page) {
  std::string prose;
  bool code = false;
  for (const std::string_view line : lines_of(page)) {
    if (line.starts_with("```")) {
      code = !code;
    } else if (!code) {
      prose.append(line).append("\n");
    }
  }
  return prose;
}

TEST(Docs, LocalLinksLead) {
  for (const fs::path& page : pages()) {
    const std::string text = without_code_blocks(read_text(page));
    for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
      const std::string target = text.substr(at + 2, text.find(')', at) - at - 2);
      if (target.find("://") != std::string::npos || target.starts_with("#")) continue;
      EXPECT_TRUE(fs::exists(page.parent_path() / target)) << page.filename().string() << " links to " << target;
    }
  }
}

TEST(Docs, PagesStayShort) {
  for (const fs::path& page : pages()) EXPECT_LE(lines_of(read_text(page)).size(), 150u) << page;
}

TEST(DocsThemselves, PathsAreFound) {
  EXPECT_EQ(paths_in("see `src/base/file.h`, (tests/nm) and src/NAME/x.cpp, tests/*_test.cpp, src/."),
            (std::set<std::string>{"src/base/file.h", "tests/nm"}));
}

}  // namespace
}  // namespace hearth::testing
