// The loop of calls and results, and replies as values.
#include <gtest/gtest.h>

#include "engine/fake/fake_model.h"
#include "generate/local_generator.h"
#include "hearth/tools.h"
#include "hearth/typed.h"

#include <nlohmann/json.hpp>

namespace {

enum class Sky { clear, cloudy };
struct Place {
  std::string city;
  std::optional<int> days;
};
struct Forecast {
  Sky sky{};
  double degrees = 0;
  std::vector<Place> places;
  std::optional<Place> near;
  bool windy = false;
  std::uint8_t level = 0;
};

}  // namespace

HEARTH_DESCRIBE_ENUM(Sky, clear, cloudy)
HEARTH_DESCRIBE(Place, city, days)
HEARTH_DESCRIBE(Forecast, sky, degrees, places, near, windy, level)

namespace hearth {
namespace {

constexpr std::string_view kRounds =
    "{# <tool_call> #}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls or [] %}"
    "{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %};{% endfor %}{{ (tools or []) | length }}"
    "[assistant]";

/// To a prompt that ends with the first text, the second is said.
std::unique_ptr<generate::LocalGenerator> talking(std::vector<std::pair<std::string, std::string>> turns) {
  const auto spelled = [](std::string_view text) {
    return fake::ByteVocabulary().encode(text, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
  };
  fake::Script script;
  for (const auto& [after, say] : turns) script.replies.push_back({spelled(after), spelled(say)});
  generate::LocalGeneratorOptions options;
  options.chat_template.given_source = kRounds;
  options.chat_template.given_origin = "test";
  auto made = generate::LocalGenerator::make(std::make_shared<fake::FakeModel>(std::move(script)), std::move(options));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

Request question(std::string text) {
  Request request;
  request.messages = {Message::user(std::move(text))};
  request.sampling.temperature = 0.0f;
  return request;
}

std::string calling(std::string_view name, std::string_view arguments) {
  return "<tool_call>\n{\"name\": \"" + std::string(name) + "\", \"arguments\": " + std::string(arguments) +
         "}\n</tool_call>";
}

TEST(RunTools, CallsAreAnsweredUntilTheModelAnswers) {
  const auto g = talking({{"[user]Rain?;1[assistant]", calling("get_weather", R"({"city": "Bonn", "days": 2})") + "\n" +
                                                           calling("get_weather", R"({"city": "Rome"})")},
                          {"[tool]rain in Bonn;[tool]rain in Rome;1[assistant]", "It rains everywhere."}});
  Toolbox box;
  box.add("get_weather", "The weather at a place", [](const Place& place) { return "rain in " + place.city; });
  std::size_t n_told = 0;
  const auto run = run_tools(*g, question("Rain?"), box, {.on_result = [&](const ToolResult&) { ++n_told; }});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->text(), "It rains everywhere.");
  EXPECT_EQ(run->end, ToolRun::End::kAnswer);
  ASSERT_EQ(run->results.size(), 2u);
  EXPECT_EQ(n_told, 2u);
  EXPECT_EQ(run->results[1].text, "rain in Rome");
  EXPECT_EQ(run->receipts.size(), 2u);
  ASSERT_EQ(run->messages.size(), 5u) << "question, calls, two results, answer";
  EXPECT_EQ(run->messages[2].tool_call_id, run->messages[1].tool_calls[0].id);
  EXPECT_NE(run->messages[1].tool_calls[0].id, run->messages[1].tool_calls[1].id);
  EXPECT_GT(run->receipts[1].prompt.n_reused, 0u);
}

TEST(RunTools, ErrorsAreToldToTheModel) {
  const auto g = talking({{"[user]A;1[assistant]", calling("fail", R"({"city": "x"})")},
                          {"[tool]error: no network;1[assistant]", "Sorry."}});
  Toolbox box;
  box.add("fail", "", [](const Place&) -> Result<std::string> { return hearth::fail(ErrorCode::kIo, "no network"); });
  const auto run = run_tools(*g, question("A"), box);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->text(), "Sorry.");
  EXPECT_EQ(run->results[0].kind, ToolResult::Kind::kFailed);
}

TEST(RunTools, TheUserMayForbidACall) {
  const auto g = talking({{"[user]A;1[assistant]", calling("f", R"({"city": "x"})")},
                          {"does not allow this call;1[assistant]", "As you like."}});
  Toolbox box;
  int n_calls = 0;
  box.add("f", "", [&](const Place&) { return ++n_calls, "x"; });
  const auto run = run_tools(*g, question("A"), box, {.may_call = [](const ToolCall&) { return false; }});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->text(), "As you like.");
  EXPECT_EQ(n_calls, 0);
}

TEST(RunTools, StepsAreLimitedAndRequiredCallsAreRequiredOnce) {
  const auto again = calling("f", R"({"city": "x"})");
  const auto g = talking({{"[assistant]", again}});
  Toolbox box;
  box.add("f", "", [](const Place&) { return 3; });
  Request request = question("A");
  request.tool_choice.kind = ToolChoice::Kind::kRequired;
  request.max_tokens = 200;
  const auto run = run_tools(*g, request, box, {.max_steps = 3});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->end, ToolRun::End::kStepLimit);
  EXPECT_EQ(run->results.size(), 2u);
  EXPECT_EQ(run->results[0].text, "3");
  EXPECT_FALSE(run_tools(*g, request, box, {.max_steps = 0}));
}

TEST(RunTools, AnUnknownFunctionIsAnError) {
  Toolbox box;
  box.add("f", "", [](const Place&) { return "x"; });
  EXPECT_NE(box.call({"1", "g", "{}"}).error().message.find("the functions are f"), std::string::npos);
  EXPECT_NE(box.call({"1", "f", R"({"town": 1})"}).error().message.find("city"), std::string::npos);
}

TEST(Described, SchemasValuesAndTexts) {
  const auto schema = nlohmann::json::parse(json_schema<Forecast>());
  EXPECT_EQ(schema["required"], nlohmann::json({"sky", "degrees", "places", "windy", "level"}));
  EXPECT_EQ(schema["properties"]["sky"], nlohmann::json({{"enum", {"clear", "cloudy"}}}));
  EXPECT_EQ(schema["properties"]["level"]["maximum"], 255);
  const std::string text =
      R"({"sky":"cloudy","degrees":-1.5,"places":[{"city":"a\"b","days":3},{"city":"c","days":null}],"near":null,"windy":true,"level":255})";
  const auto forecast = from_json<Forecast>(text);
  ASSERT_TRUE(forecast) << forecast.error().message;
  EXPECT_EQ(forecast->sky, Sky::cloudy);
  EXPECT_EQ(forecast->places.size(), 2u);
  EXPECT_EQ(forecast->places[0].city, "a\"b");
  EXPECT_EQ(forecast->places[0].days, 3);
  EXPECT_FALSE(forecast->places[1].days);
  EXPECT_EQ(to_json(*forecast), text);
  EXPECT_EQ(*from_json<int>("3e2"), 300);
  EXPECT_EQ(*from_json<std::int64_t>("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(*from_json<std::uint64_t>("18446744073709551615"), UINT64_MAX);
}

TEST(Described, ErrorsNameTheMember) {
  const auto message = [](auto result) { return result ? std::string() : result.error().message; };
  EXPECT_NE(message(from_json<Place>(R"({"days":3})")).find("\"city\" is missing"), std::string::npos);
  EXPECT_NE(message(from_json<Place>(R"({"city":"a","days":3.5})")).find("days"), std::string::npos);
  EXPECT_NE(message(from_json<Place>(R"({"city":"a","days":99999999999})")).find("days"), std::string::npos);
  EXPECT_FALSE(from_json<std::uint8_t>("-1"));
  EXPECT_FALSE(from_json<std::uint8_t>("256"));
  EXPECT_FALSE(from_json<Sky>("\"grey\""));
  EXPECT_FALSE(from_json<Place>("[]"));
  EXPECT_FALSE(from_json<Place>("{"));
  EXPECT_NE(message(from_json<std::vector<int>>("[1,\"2\"]")).find("item 1"), std::string::npos);
}

TEST(Typed, AReplyIsAValueAndItsFieldsComeAsTheyAreComplete) {
  const auto g = talking({{"[assistant]", R"({"city": "a,}\"b", "days": 4})"}});
  std::vector<std::string> fields;
  const auto typed = generate_as<Place>(*g, question("Where?"), [&](std::string_view name, std::string_view json) {
    fields.push_back(std::string(name) + "=" + std::string(json));
    return true;
  });
  ASSERT_TRUE(typed) << typed.error().message;
  EXPECT_EQ(typed->value.city, "a,}\"b");
  EXPECT_EQ(typed->value.days, 4);
  EXPECT_EQ(fields, (std::vector<std::string>{R"(city="a,}\"b")", "days=4"}));
}

TEST(Typed, AnyModelGivesAValueWithinItsBudget) {
  const auto g = talking({{"never", ""}});
  Request request = question("Forecast?");
  request.max_tokens = 400;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    request.sampling.seed = seed;
    request.sampling.temperature = 2.0f;
    const auto typed = generate_as<Forecast>(*g, request);
    EXPECT_TRUE(typed) << typed.error().message;
  }
}

}  // namespace
}  // namespace hearth
