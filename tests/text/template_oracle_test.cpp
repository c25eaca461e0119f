// Every rendering and refusal of the shared oracle: real models' templates, llama.cpp's cases and cases of the
// language, as Python's jinja2 renders them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data_path.h"
#include "text/chat_template.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

Json load(const std::string& name) {
  return Json::parse(testing::read_text(testing::data_path("templates/" + name)));
}

std::string text_or(const Json& object, const char* key) {
  return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

/// The oracle's clock stood at noon of the 26th of July 2024.
RenderOptions oracle_options(const Json& given) {
  RenderOptions options;
  options.now = LocalTime{2024, 7, 26, 12, 0, 0};
  options.tokens = {{"bos_token", text_or(given, "bos_token")}, {"eos_token", text_or(given, "eos_token")}};
  return options;
}

/// What follows "ErrorName: " or, in the other notation, stands inside ErrorName('...').
std::string refusal_of(std::string error) {
  const std::size_t colon = error.find(": "), bracket = error.find('(');
  if (error.starts_with("ERR ") && bracket < colon) {
    error = error.substr(bracket + 2, error.size() - bracket - 4);
    for (std::size_t at = error.find("\\'"); at != std::string::npos; at = error.find("\\'", at)) error.erase(at, 1);
    return error;
  }
  return colon == std::string::npos ? error : error.substr(colon + 2);
}

/// Renders and compares; `expected` may be a text or the start "ERR ".
void expect_outcome(const Result<std::vector<Segment>>& got, const std::string& expected, bool is_error) {
  if (!is_error) {
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(join_segments(*got), expected);
    return;
  }
  ASSERT_FALSE(got.has_value()) << "rendered " << join_segments(*got).substr(0, 200);
  EXPECT_NE(got.error().message.find(refusal_of(expected)), std::string::npos) << got.error().message;
}

TEST(TemplateOracle, RealTemplatesRenderAsInPython) {
  const auto path = testing::data_path("templates/renders_share.json");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const Json oracle = load("renders_share.json");
  std::size_t n_rendered = 0, n_refused = 0;
  for (const auto& [name, entry] : oracle["templates"].items()) {
    const auto parsed =
        ChatTemplate::parse(testing::read_text(testing::data_path("templates/" + entry["file"].get<std::string>())));
    ASSERT_TRUE(parsed.has_value()) << name << ": " << parsed.error().message;
    for (const auto& [case_name, render] : entry["renders"].items()) {
      SCOPED_TRACE(name + " " + case_name);
      const bool is_error = render.contains("error");
      const auto got = parsed->render(oracle["cases"][case_name], oracle_options(entry));
      expect_outcome(got, render[is_error ? "error" : "output"].get<std::string>(), is_error);
      ++(is_error ? n_refused : n_rendered);
    }
  }
  EXPECT_EQ(n_rendered, 338u);
  EXPECT_EQ(n_refused, 22u);
}

TEST(TemplateOracle, PeersCasesRenderAsInPython) {
  const auto path = testing::data_path("templates/test-chat-template.cases.json");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const Json oracle = load("test-chat-template.cases.json");
  for (const Json& entry : oracle["cases"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto parsed = ChatTemplate::parse(entry["template"].get<std::string>());
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    const Json values = {{"messages", oracle["messages"]}, {"add_generation_prompt", oracle["add_generation_prompt"]}};
    const std::string expected = entry["python_jinja2_output"].get<std::string>();
    expect_outcome(parsed->render(values, oracle_options(entry)), expected, expected.starts_with("ERR "));
  }
  EXPECT_EQ(oracle["cases"].size(), 33u);
}

TEST(TemplateOracle, LanguageCasesRenderAsInPython) {
  const auto path = testing::data_path("templates/jinja.cases.json");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const Json oracle = load("jinja.cases.json");
  const Json& cases = oracle.is_object() ? oracle["cases"] : oracle;
  for (const Json& entry : cases) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    const auto parsed = ChatTemplate::parse(entry["template"].get<std::string>());
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    const std::string expected =
        text_or(entry, entry.contains("python_jinja2_output") ? "python_jinja2_output" : "expected");
    expect_outcome(parsed->render(entry["vars"]), expected, expected.starts_with("ERR "));
  }
  EXPECT_EQ(cases.size(), 133u);
}

}  // namespace
}  // namespace hearth::text
