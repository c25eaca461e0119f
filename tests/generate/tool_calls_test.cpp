// Tools from a request to calls in a reply, on the fake engine.
#include <gtest/gtest.h>

#include <algorithm>

#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "generate/local_generator.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {
namespace {

using ToolJson = nlohmann::json;

constexpr std::string_view kChatMl =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}"
    "<tool_call>{{ c.function.name }} {{ c.function.arguments | tojson }}</tool_call>{% endfor %}{% endif "
    "%}<|im_end|>\n"
    "{% endfor %}{% if tools %}{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
constexpr std::string_view kWithoutTools =
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}<end_of_turn>{% endfor %}[assistant]";

std::vector<Token> spell_text(std::string_view text) {
  return fake::ByteVocabulary().encode(text, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
}

std::unique_ptr<LocalGenerator> generator_saying(std::string_view after, std::string_view say,
                                                 std::string_view chat_template = kChatMl) {
  fake::Script script;
  script.replies.push_back({spell_text(after), spell_text(say)});
  LocalGeneratorOptions options;
  options.chat_template.given_source = chat_template;
  options.chat_template.given_origin = "test";
  auto made = LocalGenerator::make(std::make_shared<fake::FakeModel>(std::move(script)), std::move(options));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

Tool weather() {
  return {"get_weather", "The weather at a place",
          R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]})"};
}

Request asking(std::string_view text, std::vector<Tool> tools = {weather()}) {
  Request request;
  request.messages = {Message::user(std::string(text))};
  request.tools = std::move(tools);
  request.sampling.temperature = 0.0f;
  return request;
}

TEST(ToolCalls, ACallIsPartOfTheReplyAndOfItsEvents) {
  const auto g = generator_saying("assistant\n",
                                  "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
                                  "\"Z\xC3\xBCrich\"}}\n</tool_call>");
  std::string text, name, arguments;
  const auto reply = g->generate(asking("Rain?"), [&](const Event& event) {
    if (const auto* delta = std::get_if<TextDelta>(&event.what)) text += delta->text;
    if (const auto* delta = std::get_if<ToolCallDelta>(&event.what)) {
      name += delta->name;
      arguments += delta->arguments;
    }
    return true;
  });
  ASSERT_TRUE(reply) << reply.error().message;
  const Answer& answer = reply->answers[0];
  EXPECT_EQ(answer.reason, FinishReason::kToolCalls);
  EXPECT_EQ(answer.message.text(), "Let me look.");
  ASSERT_EQ(answer.message.tool_calls.size(), 1u);
  EXPECT_EQ(answer.message.tool_calls[0].name, "get_weather");
  EXPECT_EQ(answer.message.tool_calls[0].id, "call00000");
  EXPECT_EQ(ToolJson::parse(answer.message.tool_calls[0].arguments), ToolJson({{"city", "Z\xC3\xBCrich"}}));
  EXPECT_EQ(text, "Let me look.");
  EXPECT_EQ(name, "get_weather");
  EXPECT_EQ(arguments, answer.message.tool_calls[0].arguments);
  EXPECT_TRUE(reply->receipt.calls.starts_with("hermes: the chat template has <tool_call>")) << reply->receipt.calls;
}

TEST(ToolCalls, ACallThatIsCutShortIsTextAndNoCall) {
  const auto g = generator_saying(
      "assistant\n", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>");
  const Request request = asking("Rain?");
  const std::size_t n_all = g->generate(request)->answers[0].tokens.size();
  for (std::size_t n_heard = 1; n_heard < n_all; n_heard += 9) {
    std::string text, arguments;
    bool withdrawn = false;
    std::size_t n_events = 0;
    const auto reply = g->generate(
        request,
        [&](const Event& event) {
          if (const auto* delta = std::get_if<TextDelta>(&event.what)) text += delta->text;
          if (const auto* delta = std::get_if<ToolCallDelta>(&event.what)) {
            arguments += delta->arguments;
            withdrawn |= delta->withdrawn;
          }
          return true;
        },
        [&] { return ++n_events > n_heard; });
    ASSERT_TRUE(reply) << reply.error().message;
    const Answer& answer = reply->answers[0];
    if (answer.message.tool_calls.empty()) {
      EXPECT_EQ(text, answer.message.text());
      EXPECT_TRUE(arguments.empty() || withdrawn) << arguments;
    } else {
      EXPECT_TRUE(ToolJson::accept(answer.message.tool_calls[0].arguments)) << answer.message.tool_calls[0].arguments;
    }
  }
}

TEST(ToolCalls, ParametersOfCallsAreObjects) {
  const auto g = generator_saying("assistant\n", "");
  Request request = asking("Rain?");
  for (const char* parameters : {R"({"type": "string"})", R"({"type": ["object", "string"]})", "3"}) {
    request.tools[0].parameters = parameters;
    const auto reply = g->generate(request);
    ASSERT_FALSE(reply) << parameters;
    EXPECT_EQ(reply.error().code, ErrorCode::kInvalidArgument) << reply.error().message;
  }
}

TEST(ToolCalls, StopStringsAndSentencesLookAtTextOnly) {
  const auto g = generator_saying(
      "assistant\n",
      "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"A. B. STOP\"}}</tool_call>ok STOP no");
  Request request = asking("Rain?");
  request.stop = {{"STOP"}};
  request.max_sentences = 1;
  const auto reply = g->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->answers[0].message.tool_calls.size(), 1u);
  EXPECT_EQ(reply->answers[0].message.text(), "ok ");
  EXPECT_EQ(reply->answers[0].stop_string, "STOP");
}

TEST(ToolCalls, ChoiceNoneShowsNoToolsAndReadsNoCalls) {
  const auto g = generator_saying("<|im_start|>user\nRain?<|im_end|>\n<|im_start|>assistant\n", "<tool_call>{}");
  Request request = asking("Rain?");
  request.tool_choice.kind = ToolChoice::Kind::kNone;
  const auto reply = g->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text(), "<tool_call>{}");
}

TEST(ToolCalls, ATemplateThatKnowsNoToolsIsToldInWords) {
  const auto g = generator_saying(
      "[user]Rain?<end_of_turn>[assistant]",
      "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}}</tool_call>", kWithoutTools);
  Request request = asking("Rain?");
  auto reply = g->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->answers[0].message.tool_calls.size(), 1u);
  EXPECT_TRUE(reply->receipt.calls.starts_with("generic")) << reply->receipt.calls;
  const auto then = generator_saying("[user]<tool_response>\nSunny\n</tool_response><end_of_turn>[assistant]",
                                     "It is sunny.", kWithoutTools);
  request.messages.push_back(reply->answers[0].message);
  request.messages.push_back(Message::tool("call00000", "Sunny"));
  reply = then->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text(), "It is sunny.");
}

TEST(ToolCalls, ImpossibleChoicesAreRefused) {
  const auto g = generator_saying("", "x");
  Request request = asking("Rain?");
  request.tool_choice = {ToolChoice::Kind::kNamed, "get_time"};
  EXPECT_NE(g->generate(request).error().message.find("get_time"), std::string::npos);
  request.tool_choice = {ToolChoice::Kind::kRequired, ""};
  request.format.kind = OutputFormat::Kind::kJson;
  EXPECT_FALSE(g->generate(request));
  request = asking("Rain?", {});
  request.tool_choice = {ToolChoice::Kind::kRequired, ""};
  EXPECT_FALSE(g->generate(request));
  request = asking("Rain?", {weather(), weather()});
  EXPECT_NE(g->generate(request).error().message.find("two tools"), std::string::npos);
}

TEST(ToolCalls, RealTemplatesTakeToolsCallsAndResults) {
  const auto folder = testing::data_path("templates/templates");
  if (const auto why = testing::missing(folder)) GTEST_SKIP() << *why;
  std::size_t n_templates = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string source = testing::read_text(entry.path());
    auto maker = PromptMaker::make(fake::ByteVocabulary(), {.given_source = source, .given_origin = "test"},
                                   [] { return text::LocalTime{}; });
    if (!maker) continue;  // templates that are refused have their own tests
    const fake::ByteVocabulary vocabulary;
    auto made = PromptMaker::make(vocabulary, {.given_source = source, .given_origin = "test"},
                                  [] { return text::LocalTime{}; });
    Request request = asking("qzquestion");
    Message call = Message::assistant("");
    call.tool_calls = {{"call00000", "get_weather", R"({"city": "qzcity"})"}};
    Message result = Message::tool("call00000", "qzsunny");
    result.name = "get_weather";
    request.messages.push_back(call);
    request.messages.push_back(result);
    const auto prompt = made->render(request.messages, request);
    if (!prompt) continue;
    const std::string text = vocabulary.decode(prompt->tokens, {DecodeOptions::Special::kShow});
    if (!text.contains("qzquestion")) continue;  // it wants lists of parts, which is not about tools
    for (const char* part : {"get_weather", "qzcity", "qzsunny"})
      EXPECT_NE(text.find(part), std::string::npos) << entry.path().filename() << ": " << part << "\n" << text;
    ++n_templates;
  }
  EXPECT_GE(n_templates, 55u);
}

}  // namespace
}  // namespace hearth::generate
