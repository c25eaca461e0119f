// The rules of the house hold for every source, and each rule catches a planted fault.
#include "layering/house_rules.h"

#include <gtest/gtest.h>

namespace hearth::testing {
namespace {

using Rule = std::vector<std::string> (*)(const SourceFile&);

void expect_clean(const std::vector<std::string>& folders, Rule rule) {
  for (const SourceFile& file : load_sources(folders)) {
    for (const std::string& fault : rule(file)) ADD_FAILURE() << fault;
  }
}

const std::vector<std::string> kEverywhere = {"src", "include", "apps", "tests", "bench"};
const std::vector<std::string> kProduct = {"src", "include", "apps"};

TEST(HouseRules, SourcesAreAscii) {
  expect_clean(kEverywhere, non_ascii);
}
TEST(HouseRules, FilesEndAtEightHundredLines) {
  expect_clean(kEverywhere, too_long);
}
TEST(HouseRules, FirstLineSaysWhy) {
  expect_clean(kEverywhere, no_opening_sentence);
}
TEST(HouseRules, FileNamesAreSnakeCase) {
  expect_clean(kEverywhere, badly_named);
}
TEST(HouseRules, ConditionalsStayWhereThePlatformIs) {
  expect_clean(kProduct, misplaced_conditionals);
}
TEST(HouseRules, LibraryNeverPrintsNorEndsTheProcess) {
  expect_clean(kProduct, prints_or_ends_process);
}
TEST(HouseRules, HeadersStayLight) {
  expect_clean(kProduct, heavy_headers);
}

TEST(HouseRulesThemselves, FindNonAscii) {
  EXPECT_EQ(non_ascii({"src/a.cpp", "// ok\nint \xC3\xA9;\n"}).size(), 2u);
  EXPECT_EQ(non_ascii({"src/a.cpp", "\tint x;\n"}).size(), 1u);
  EXPECT_TRUE(non_ascii({"src/a.cpp", "// plain\n"}).empty());
}

TEST(HouseRulesThemselves, FindLongFiles) {
  std::string text;
  for (int i = 0; i < 801; ++i) text += "x\n";
  EXPECT_EQ(too_long({"src/a.cpp", text}).size(), 1u);
  EXPECT_TRUE(too_long({"src/text/unicode_tables.cpp", text}).empty());
  EXPECT_TRUE(too_long({"src/a.cpp", text.substr(2)}).empty());
}

TEST(HouseRulesThemselves, FindMissingOpening) {
  EXPECT_EQ(no_opening_sentence({"src/a.h", "#pragma once\n"}).size(), 1u);
  EXPECT_EQ(no_opening_sentence({"src/a.h", "//\n#pragma once\n// long enough to pass otherwise\n"}).size(), 1u);
  EXPECT_TRUE(no_opening_sentence({"src/a.h", "// Why this file is here at all.\n"}).empty());
}

TEST(HouseRulesThemselves, FindConditionals) {
  EXPECT_EQ(misplaced_conditionals({"src/ops/a.cpp", "# ifdef X\n#endif\n"}).size(), 1u);
  EXPECT_EQ(misplaced_conditionals({"src/ops/a.cpp", "#if X\n#elif Y\n#endif\n"}).size(), 2u);
  EXPECT_TRUE(misplaced_conditionals({"src/base/a.cpp", "#if X\n#endif\n"}).empty());
  EXPECT_TRUE(misplaced_conditionals({"src/ops/a.cpp", "// #if in a comment\n/*\n#if 1\n*/\n#pragma once\n"}).empty());
}

TEST(HouseRulesThemselves, FindPrintsAndExits) {
  EXPECT_EQ(prints_or_ends_process({"src/ops/a.cpp", "void f() { std::printf(\"x\"); }"}).size(), 1u);
  EXPECT_EQ(prints_or_ends_process({"src/ops/a.cpp", "void f() { std::cout << 1; }"}).size(), 1u);
  EXPECT_EQ(prints_or_ends_process({"src/cli/a.cpp", "void f() { std::cout << 1; }"}).size(), 0u);
  EXPECT_EQ(prints_or_ends_process({"src/cli/a.cpp", "void f() { exit(1); }"}).size(), 1u);
  EXPECT_EQ(prints_or_ends_process({"src/ops/a.cpp", "auto x = std::getenv(\"HOME\");"}).size(), 1u);
  EXPECT_TRUE(
      prints_or_ends_process({"src/ops/a.cpp", "// abort() is not called\nauto s = \"exit(1)\"; loop.exit();\n"})
          .empty());
  EXPECT_TRUE(
      prints_or_ends_process({"src/ops/a.cpp", "static_assert(sizeof(int) == 4); R\"(abort())\"; char c = '\"';"})
          .empty());
}

TEST(HouseRulesThemselves, FindHeavyHeadersAndNames) {
  EXPECT_EQ(heavy_headers({"src/a.h", "#include <nlohmann/json.hpp>\n"}).size(), 1u);
  EXPECT_TRUE(heavy_headers({"src/a.cpp", "#include <nlohmann/json.hpp>\n"}).empty());
  EXPECT_EQ(badly_named({"src/ops/MatMul.cpp", ""}).size(), 1u);
  EXPECT_EQ(badly_named({"src/ops/mat-mul.cpp", ""}).size(), 1u);
}

}  // namespace
}  // namespace hearth::testing
