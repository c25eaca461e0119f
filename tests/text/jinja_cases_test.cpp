// Every construct of the template language, with the answers of Python's jinja2: tests/data/jinja_cases.json, which
// tests/oracle/jinja_compare.py writes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data_path.h"
#include "text/chat_template.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

/// What follows the name of the exception.
std::string message_of(const std::string& error) {
  return error.substr(error.find(": ") + 2);
}

TEST(JinjaCases, AnswerAsPython) {
  const Json file = Json::parse(testing::read_text(testing::data_path("jinja_cases.json")));
  RenderOptions options;
  options.now = LocalTime{2024, 7, 26, 12, 0, 0};
  for (const Json& entry : file["cases"]) {
    const std::string source = entry["template"].get<std::string>();
    SCOPED_TRACE(source);
    const auto parsed = ChatTemplate::parse(source);
    const auto got = parsed ? parsed->render(file["vars"], options) : std::unexpected(parsed.error());
    if (entry.contains("output")) {
      ASSERT_TRUE(got.has_value()) << got.error().message;
      EXPECT_EQ(join_segments(*got), entry["output"].get<std::string>());
      continue;
    }
    const std::string error = entry["error"].get<std::string>();
    ASSERT_FALSE(got.has_value()) << join_segments(*got);
    if (error.starts_with("TemplateSyntaxError")) continue;  // we have our own words for these
    EXPECT_NE(got.error().message.find(message_of(error)), std::string::npos) << got.error().message << " / " << error;
  }
  EXPECT_GT(file["cases"].size(), 300u);
}

}  // namespace
}  // namespace hearth::text
