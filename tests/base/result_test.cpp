// Errors as values: codes have stable unique names, macros hand errors on, and docs/errors.md knows every code.
#include "base/result.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "data_path.h"

namespace hearth {
namespace {

Result<int> half_of(int n) {
  if (n % 2 != 0) return fail(ErrorCode::kInvalidArgument, "halving " + std::to_string(n) + ": it is odd");
  return n / 2;
}

Result<int> quarter_of(int n) {
  HEARTH_TRY(const int half, half_of(n));
  HEARTH_TRY(const int quarter, half_of(half));
  return quarter;
}

Status check_quarter(int n) {
  HEARTH_CHECK(quarter_of(n));
  return {};
}

TEST(Result, TryBindsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter_of(12).value(), 3);
  const Result<int> odd = quarter_of(6);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(odd.error().message, "halving 3: it is odd");
}

TEST(Result, CheckReturnsTheError) {
  EXPECT_TRUE(check_quarter(4));
  ASSERT_FALSE(check_quarter(2));
  EXPECT_EQ(check_quarter(2).error().message, "halving 1: it is odd");
}

TEST(Result, WithinPutsTheContextInFront) {
  const Error error = Error{ErrorCode::kIo, "disk on fire"}.within("reading a.gguf");
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_EQ(error.message, "reading a.gguf: disk on fire");
}

/// Every code in use: names other than "unknown" among the first numbers.
std::set<std::string> known_names() {
  std::set<std::string> names;
  for (int code = 0; code < 1000; ++code) {
    const std::string name(error_code_name(static_cast<ErrorCode>(code)));
    if (name == "unknown") continue;
    EXPECT_TRUE(names.insert(name).second) << name << " names two codes";
  }
  return names;
}

TEST(Result, NamesAreUnique) {
  EXPECT_GE(known_names().size(), 11u);
  EXPECT_EQ(error_code_name(ErrorCode::kCorruptedModel), "corrupted_model");
}

TEST(Result, DocsListEveryCodeAndNoOther) {
  const std::string page = testing::read_text(std::filesystem::path(HEARTH_SOURCE_DIR) / "docs" / "errors.md");
  std::set<std::string> documented;  // rows "| `name` | ..."
  for (std::size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) {
    documented.insert(page.substr(at + 4, page.find('`', at + 4) - at - 4));
  }
  EXPECT_EQ(documented, known_names());
}

TEST(Result, EveryCodeIsGivenSomewhere) {
  const std::filesystem::path source = std::filesystem::path(HEARTH_SOURCE_DIR) / "src";
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source)) {
    if (entry.path().extension() == ".cpp" && entry.path().filename() != "result.cpp")
      all += testing::read_text(entry.path());
  }
  const std::string header = testing::read_text(source / "base" / "result.h");
  std::size_t n_codes = 0;
  for (std::size_t at = header.find("\n  k"); at != std::string::npos; at = header.find("\n  k", at + 1)) {
    const std::string code = header.substr(at + 3, header.find(' ', at + 3) - at - 3);
    const std::size_t used = all.find("ErrorCode::" + code);
    EXPECT_NE(used, std::string::npos) << code << " is documented, and nothing ever returns it";
    ++n_codes;
  }
  EXPECT_EQ(n_codes, known_names().size());
}

}  // namespace
}  // namespace hearth
