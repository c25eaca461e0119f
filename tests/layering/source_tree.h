// The project's own sources as plain data, so that the rules of the house are pure functions over text.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data_path.h"

namespace hearth::testing {

struct SourceFile {
  std::string path;  // relative to the repository root, with forward slashes
  std::string text;
};

inline bool is_cpp(const std::filesystem::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h";
}

/// Every .cpp and .h file under the given folders, sorted by path.
inline std::vector<SourceFile> load_sources(const std::vector<std::string>& folders) {
  namespace fs = std::filesystem;
  const fs::path root(HEARTH_SOURCE_DIR);
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_cpp(entry.path())) continue;
      files.push_back({fs::relative(entry.path(), root).generic_string(), read_text(entry.path())});
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// True when `path` lies in `folder` ("src/base" holds "src/base/file.h", not "src/baseline.h").
inline bool lies_in(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

/// The code alone: comments become spaces, string and character literals keep their quotes and lose their content.
/// Line breaks stay, so line numbers still hold.
inline std::string without_comments_and_literals(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) out += text[i] == '\n' ? '\n' : ' ';
  };
  std::size_t i = 0;
  const auto end_after = [&](std::string_view mark, std::size_t from) {
    const std::size_t found = text.find(mark, from);
    return found == std::string_view::npos ? text.size() : found + mark.size();
  };
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    std::size_t end = i + 1;
    if (rest.starts_with("//")) {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (rest.starts_with("/*")) {
      end = end_after("*/", i + 2);
      blank(i, end);
    } else if (rest.starts_with("R\"")) {
      const std::size_t open = std::min(text.find('(', i), text.size());
      end = end_after(")" + std::string(text.substr(i + 2, open - i - 2)) + "\"", open);
      out += "R\"";
      blank(i + 2, end - 1);
      out += '"';
    } else if (rest[0] == '"' ||
               (rest[0] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1]))))) {
      while (end < text.size() && text[end] != rest[0] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
      out += rest[0];
      blank(i + 1, end - 1);
      out += rest[0];
    } else {
      out += rest[0];
    }
    i = end;
  }
  return out;
}

}  // namespace hearth::testing
