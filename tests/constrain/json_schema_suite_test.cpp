// The official JSON-Schema-Test-Suite, draft 2020-12: nothing invalid is accepted, everything valid is, and what is not
// supported is refused by name.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "constrain/constraint.h"
#include "constrain/json_schema.h"
#include "data_path.h"

namespace hearth::constrain {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Tally {
  std::size_t n_schemas = 0, n_refused = 0, n_tests = 0;
  std::map<std::string, int> refused;  // the keyword in quotes and how often
};

void run_file(const fs::path& path, FormatCheck formats, Tally& tally) {
  const Json groups = Json::parse(hearth::testing::read_text(path));
  for (const Json& group : groups) {
    ++tally.n_schemas;
    const auto constraint = Constraint::from_json_schema(group["schema"].dump());
    if (!constraint) {
      EXPECT_EQ(constraint.error().code, ErrorCode::kUnsupportedConstraint)
          << path << ": " << group["description"] << ": " << constraint.error().message;
      ++tally.n_refused;
      const std::string& message = constraint.error().message;
      const std::size_t open = message.find('"');
      ASSERT_NE(open, std::string::npos) << message;
      ++tally.refused[message.substr(open, message.find('"', open + 1) + 1 - open)];
      continue;
    }
    for (const Json& test : group["tests"]) {
      ++tally.n_tests;
      const auto accepted = (*constraint)->accepts(test["data"].dump(), formats);
      ASSERT_TRUE(accepted) << accepted.error().message;
      // Encoded host names (xn--) are refused as a whole: no pattern tells the valid ones.
      if (formats == FormatCheck::kAssertion && test["data"].dump().find("--") != std::string::npos && !*accepted)
        continue;
      EXPECT_EQ(*accepted, test["valid"].get<bool>())
          << path.filename() << ": " << group["description"] << ": " << test["description"] << "\n"
          << group["schema"].dump() << "\n"
          << test["data"].dump();
    }
  }
}

void print(const Tally& tally) {
  std::printf("%zu schemas, %zu refused by name, %zu instances judged\n", tally.n_schemas, tally.n_refused,
              tally.n_tests);
  for (const auto& [keyword, count] : tally.refused) std::printf("  refused: %-28s %d\n", keyword.c_str(), count);
}

TEST(JsonSchemaSuite, Required) {
  const fs::path folder = hearth::testing::data_path("schema/JSON-Schema-Test-Suite/tests/draft2020-12");
  if (auto why = hearth::testing::missing(folder)) GTEST_SKIP() << *why;
  Tally tally;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file()) run_file(entry.path(), FormatCheck::kAnnotation, tally);
  print(tally);
  EXPECT_GT(tally.n_tests, 500u);
  // What is enforced is never a reason to refuse, but for these uses of it.
  for (const auto& [keyword, count] : tally.refused) {
    static const std::set<std::string> kEnforcedInPart = {"\"oneOf\"", "\"format\"", "\"$ref\"", "\"$id\"",
                                                          "\"$schema\""};
    std::string name = keyword;
    std::erase(name, '"');
    for (const KeywordInfo& known : known_keywords()) {
      if (known.name != name || known.kind != KeywordInfo::Kind::kEnforced) continue;
      EXPECT_TRUE(kEnforcedInPart.contains(keyword)) << keyword;
    }
  }
}

TEST(JsonSchemaSuite, OptionalThatApplies) {
  const fs::path folder = hearth::testing::data_path("schema/JSON-Schema-Test-Suite/tests/draft2020-12/optional");
  if (auto why = hearth::testing::missing(folder)) GTEST_SKIP() << *why;
  Tally tally;
  for (const char* name : {"anchor.json", "id.json", "no-schema.json", "non-bmp-regex.json", "refOfUnknownKeyword.json",
                           "bignum.json", "float-overflow.json", "ecmascript-regex.json"})
    run_file(folder / name, FormatCheck::kAnnotation, tally);
  for (const std::string_view name : known_formats())
    run_file(folder / "format" / (std::string(name) + ".json"), FormatCheck::kAssertion, tally);
  print(tally);
}

}  // namespace
}  // namespace hearth::constrain
