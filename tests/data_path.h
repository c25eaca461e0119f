// Where tests find their data: HEARTH_DATA, else ../shared/data beside the checkout, else tests/data inside it.
// A test whose data is absent is skipped with the reason: `if (auto why = missing(path)) GTEST_SKIP() << *why;`
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace hearth::testing {

inline std::filesystem::path data_path(const std::string& relative) {
  namespace fs = std::filesystem;
  if (const char* root = std::getenv("HEARTH_DATA")) return fs::path(root) / relative;
  const fs::path source(HEARTH_SOURCE_DIR);
  const fs::path shared = source / ".." / "shared" / "data" / relative;
  if (fs::exists(shared)) return shared;
  return source / "tests" / "data" / relative;
}

inline std::optional<std::string> missing(const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) return std::nullopt;
  return "test data absent: " + path.string() + " (set HEARTH_DATA to the folder that holds it)";
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Reads a file of raw little-endian values, such as the golden .f32 files.
template <typename T>
std::vector<T> read_values(const std::filesystem::path& path) {
  const std::string bytes = read_text(path);
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) __builtin_memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace hearth::testing
