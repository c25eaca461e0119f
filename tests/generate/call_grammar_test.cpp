// Answers held to calls: whatever the model would rather say, its calls are valid.
#include "generate/tools/call_grammar.h"

#include <gtest/gtest.h>

#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "engine/registry.h"
#include "generate/local_generator.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {
namespace {

std::vector<Tool> many_tools() {
  return {{"get_weather", "",
           R"({"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["celsius","fahrenheit"]},
              "days":{"type":"integer","minimum":1,"maximum":9},"exact":{"type":"boolean"}},"required":["city","unit"]})"},
          {"book", "",
           R"({"type":"object","properties":{"code":{"type":"string","pattern":"^[A-Z]{2}[0-9]{3}$"},
              "seats":{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}},"required":["code","seats"]})"},
          {"get_time", "", ""}};
}

/// A template that speaks for the family, and shows tools, calls and results.
std::string template_of(const CallFamily& family) {
  std::string signs;
  if (!family.signs.empty()) {
    for (const std::string_view sign : family.signs.front()) signs += std::string(sign) + " ";
  }
  return "{# " + signs +
         "#}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}"
         "{{ c.function.arguments | tojson }}{% endfor %}\n{% endfor %}{{ (tools or []) | length }}[assistant]";
}

std::unique_ptr<LocalGenerator> generator_of(const CallFamily& family, fake::Script script) {
  LocalGeneratorOptions options;
  options.chat_template.given_source = template_of(family);
  options.chat_template.given_origin = "test";
  auto made = LocalGenerator::make(std::make_shared<fake::FakeModel>(std::move(script)), std::move(options));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

fake::Script script_saying(std::string_view say) {
  const auto spelled = [](std::string_view text) {
    return fake::ByteVocabulary().encode(text, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
  };
  fake::Script script;
  script.replies.push_back({spelled("[assistant]"), spelled(say)});
  return script;
}

Request wanting_calls(ToolChoice choice) {
  Request request;
  request.messages = {Message::user("Hi")};
  request.tools = many_tools();
  request.tool_choice = std::move(choice);
  request.max_tokens = 500;
  return request;
}

void expect_valid_calls(const Result<Reply>& reply, const std::string& where) {
  ASSERT_TRUE(reply) << where << ": " << reply.error().message;
  const Answer& answer = reply->answers[0];
  EXPECT_TRUE(answer.notes.empty()) << where << ": " << answer.notes[0] << "\n" << answer.message.text();
  EXPECT_TRUE(answer.reason == FinishReason::kToolCalls || answer.reason == FinishReason::kMaxTokens)
      << where << ": " << finish_reason_name(answer.reason);
  ASSERT_FALSE(answer.message.tool_calls.empty()) << where << ": " << answer.message.text();
  const auto tools = *ToolSet::make(many_tools());
  for (const ToolCall& call : answer.message.tool_calls)
    EXPECT_EQ(tools->fault(call.name, call.arguments), "") << where << call.arguments;
}

TEST(CallGrammar, ARequiredCallIsValidInEveryFamilyWhateverTheModelWants) {
  for (const CallFamily& family : call_families()) {
    const auto g = generator_of(family, {});  // pseudo-random logits
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      Request request = wanting_calls({.kind = ToolChoice::Kind::kRequired});
      request.sampling.seed = seed;
      request.sampling.temperature = 3.0f;
      const std::string where = std::string(family.name) + " seed " + std::to_string(seed) + "\n";
      const auto reply = g->generate(request);
      expect_valid_calls(reply, where);
      if (reply) {
        EXPECT_TRUE(reply->receipt.calls.starts_with(family.name)) << reply->receipt.calls;
      }
      request.tool_choice = {.kind = ToolChoice::Kind::kNamed, .name = "book"};
      const auto named = g->generate(request);
      expect_valid_calls(named, where + "named ");
      if (!named || named->answers[0].message.tool_calls.empty()) continue;
      EXPECT_EQ(named->answers[0].message.tool_calls.size(), 1u) << where;
      EXPECT_EQ(named->answers[0].message.tool_calls[0].name, "book");
    }
  }
}

TEST(CallGrammar, ACallThatIsBegunIsHeldToItsFormat) {
  const std::vector<std::pair<std::string_view, std::string_view>> begun = {
      {"hermes", "Well.\n<tool_call>\n{\"name\": \"nope\", \"arguments\": 7"},
      {"llama-3", "{\"name\": \"get_weather\", \"parameters\": [1, 2"},
      {"llama-4", "[get_weather(town="},
      {"mistral", "[TOOL_CALLS]get_weather[ARGS]{\"town\""},
      {"gpt-oss", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.nope"},
      {"functionary-3.2", "all\nWell.>>>nope"},
      {"qwen3-coder", "Well. <tool_call>\n<function=nope"},
      {"gemma-4", "<|tool_call>call:nope"},
  };
  for (const auto& [name, say] : begun) {
    const auto g = generator_of(*find_call_family(name), script_saying(say));
    expect_valid_calls(g->generate(wanting_calls({})), std::string(name) + "\n");
  }
}

TEST(CallGrammar, TextWithoutCallsStaysFree) {
  for (const CallFamily& family : call_families()) {
    const bool recipients = family.formats.front().syntax == CallSyntax::kRecipient;
    const std::string say = family.name == "gpt-oss" ? "<|channel|>final<|message|>[1] {\"name\": 3} <b>"
                            : recipients             ? "all\n[1] {\"name\": 3} <b>"
                                                     : "[1] {\"name\": 3} <b>";
    const auto g = generator_of(family, script_saying(say));
    Request request = wanting_calls({});
    request.sampling.temperature = 0.0f;
    const auto reply = g->generate(request);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->text(), "[1] {\"name\": 3} <b>") << family.name;
    EXPECT_EQ(reply->answers[0].reason, FinishReason::kStop) << family.name;
  }
}

TEST(CallGrammar, ABudgetIsEnoughOrIsRefused) {
  const auto g = generator_of(*find_call_family("hermes"), {});
  for (std::size_t budget = 10; budget < 90; budget += 7) {
    Request request = wanting_calls({.kind = ToolChoice::Kind::kNamed, .name = "book"});
    request.max_tokens = budget;
    const auto reply = g->generate(request);
    if (!reply) {
      EXPECT_NE(reply.error().message.find("budget"), std::string::npos) << reply.error().message;
    } else {
      EXPECT_EQ(reply->answers[0].message.tool_calls.size(), 1u) << budget;
    }
  }
}

TEST(CallGrammar, CallsOrAnAnswerInTheFormat) {
  Request request = wanting_calls({});
  request.format = {.kind = OutputFormat::Kind::kChoices, .source = {}, .choices = {"yes", "no"}};
  const auto call = generator_of(*find_call_family("hermes"), script_saying("<tool_call>"))->generate(request);
  expect_valid_calls(call, "call\n");
  const auto answer = generator_of(*find_call_family("hermes"), script_saying("yes"))->generate(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text(), "yes");
}

TEST(CallGrammar, ASchemaThatIsNotSupportedIsToldOrRefused) {
  Request request = wanting_calls({});
  request.tools[0].parameters = R"({"type":"object","properties":{"a":{"not":{"type":"string"}}}})";
  const auto g = generator_of(*find_call_family("hermes"), script_saying("Hello"));
  const auto reply = g->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->receipt.ignored.size(), 1u);
  EXPECT_EQ(reply->receipt.ignored[0].name, "tools");
  request.tool_choice.kind = ToolChoice::Kind::kRequired;
  EXPECT_EQ(g->generate(request).error().code, ErrorCode::kUnsupportedConstraint);
}

TEST(CallGrammar, TheNumberOfCallsIsLimited) {
  Request request = wanting_calls({.kind = ToolChoice::Kind::kRequired, .name = {}, .max_calls = 1});
  for (const char* family : {"hermes", "mistral-list", "llama-3", "kimi"}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      request.sampling.seed = seed;
      const auto reply = generator_of(*find_call_family(family), {})->generate(request);
      ASSERT_TRUE(reply) << reply.error().message;
      EXPECT_EQ(reply->answers[0].message.tool_calls.size(), 1u) << family;
    }
  }
}

TEST(CallGrammar, ControlTokensStandForThemselves) {
  std::vector<constrain::VocabularyToken> tokens;
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({.bytes = std::string(1, static_cast<char>(byte)), .kind = constrain::TokenKind::kText});
  constexpr Token kCalls = 256, kOther = 257, kEnd = 258;
  tokens.push_back({.bytes = "[TOOL_CALLS]", .kind = constrain::TokenKind::kSpecial});
  tokens.push_back({.bytes = "[OTHER]", .kind = constrain::TokenKind::kSpecial});
  tokens.push_back({.bytes = "</s>", .kind = constrain::TokenKind::kEnd});
  const auto trie = constrain::TokenTrie::build(std::move(tokens));
  ASSERT_TRUE(trie) << trie.error().message;
  const auto tools = *ToolSet::make(many_tools());
  CallGrammarOptions options{.format = &find_call_family("mistral-list")->formats.front(), .tools = tools.get()};
  options.control_tokens = [](std::string_view text) {
    return text.contains("[TOOL_CALLS]") ? std::vector<std::string>{"[TOOL_CALLS]"} : std::vector<std::string>();
  };
  const auto allowed = [&](const constrain::ConstraintState& state, Token token) {
    std::vector<std::uint64_t> words(8);
    state.mask(words);
    return (words[static_cast<std::size_t>(token) / 64] >> (token % 64) & 1) != 0;
  };
  for (const auto need : {CallGrammarOptions::Need::kMust, CallGrammarOptions::Need::kMay}) {
    options.need = need;
    auto grammar = call_grammar(options);
    ASSERT_TRUE(grammar) << grammar.error().message;
    const auto constraint = constrain::Constraint::from_grammar(std::move(*grammar));
    ASSERT_TRUE(constraint) << constraint.error().message;
    const auto bound = constrain::TokenConstraint::bind(**constraint, *trie);
    ASSERT_TRUE(bound) << bound.error().message;
    auto state = *(*bound)->start();
    const bool free = need == CallGrammarOptions::Need::kMay;
    EXPECT_EQ(allowed(state, 'x'), free);
    EXPECT_EQ(allowed(state, kOther), free);
    EXPECT_EQ(allowed(state, kEnd), free);
    ASSERT_TRUE(allowed(state, kCalls));
    ASSERT_TRUE(state.advance(kCalls));
    EXPECT_FALSE(allowed(state, 'x'));
    EXPECT_FALSE(allowed(state, kEnd));
    for (const char c : std::string_view(R"([{"name": "get_time", "arguments": {}})"))
      ASSERT_TRUE(state.advance(static_cast<unsigned char>(c))) << c;
    EXPECT_TRUE(allowed(state, ','));
    ASSERT_TRUE(state.advance(']'));
    EXPECT_TRUE(allowed(state, kEnd));
    EXPECT_EQ(allowed(state, 'x'), free);
  }
}

TEST(CallGrammar, ATinyRealModelMakesValidCalls) {
  const auto path = testing::data_path("weights/stories260K/stories260K.gguf");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  OpenOptions open;
  open.n_threads = 1;
  auto model = open_model(path, open);
  ASSERT_TRUE(model) << model.error().message;
  LocalGeneratorOptions options;
  options.chat_template.given_source = template_of(*find_call_family("hermes"));
  options.chat_template.given_origin = "test";
  const auto g = LocalGenerator::make(std::move(*model), std::move(options));
  ASSERT_TRUE(g) << g.error().message;
  Request request = wanting_calls({.kind = ToolChoice::Kind::kRequired});
  request.tools.resize(2);
  request.max_tokens = 120;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    request.sampling.seed = seed;
    const auto reply = (*g)->generate(request);
    expect_valid_calls(reply, "stories260K\n");
  }
}

}  // namespace
}  // namespace hearth::generate
