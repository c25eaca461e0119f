// Messages in, replies with receipts out, on the fake engine.
#include "generate/local_generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/fake/fake_model.h"
#include "engine/passing_model.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {
namespace {

using fake::FakeModel;
using fake::Script;

constexpr std::string_view kTemplate =
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}<end_of_turn>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}";

std::vector<Token> spelled(std::string_view text) {
  return fake::ByteVocabulary().encode(text, {EncodeOptions::Special::kNone, EncodeOptions::LooksSpecial::kParse});
}

struct Fixture {
  std::shared_ptr<FakeModel> model;
  std::unique_ptr<LocalGenerator> generator;
  LocalGenerator* operator->() const { return generator.get(); }
};

Fixture make(Script script, LocalGeneratorOptions options = {}, std::string_view chat_template = kTemplate) {
  Fixture fixture;
  fixture.model = std::make_shared<FakeModel>(std::move(script));
  options.chat_template.given_source = chat_template;
  options.chat_template.given_origin = "test";
  auto generator = LocalGenerator::make(fixture.model, std::move(options));
  EXPECT_TRUE(generator) << generator.error().message;
  fixture.generator = std::move(*generator);
  return fixture;
}

/// To every user's message `after`, says `say`.
Script saying(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  Script script;
  for (const auto& [after, say] : pairs)
    script.replies.push_back({spelled(std::string(after) + "<end_of_turn>[assistant]"), spelled(say)});
  return script;
}

Request ask(std::vector<Message> messages) {
  Request request;
  request.messages = std::move(messages);
  request.sampling.temperature = 0.0f;
  return request;
}

const EffectiveOption& option(const Receipt& receipt, std::string_view name) {
  const auto it = std::ranges::find(receipt.options, name, &EffectiveOption::name);
  EXPECT_NE(it, receipt.options.end()) << name;
  return *it;
}

TEST(LocalGenerator, AConversationIsReadOnceAndForkedEditedRegenerated) {
  const auto g = make(saying({{"Hi", "Hello!"}, {"Name?", "Fake."}, {"Why?", "Tests."}}));
  std::vector<Message> chat = {Message::instruction("Be brief."), Message::user("Hi")};
  auto reply = g->generate(ask(chat));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text(), "Hello!");
  EXPECT_EQ(reply->receipt.prompt.cause, "nothing is kept yet");
  const std::size_t n_first = reply->receipt.n_prompt;

  chat.push_back(reply->answers[0].message);
  chat.push_back(Message::user("Name?"));
  reply = g->generate(ask(chat));
  EXPECT_EQ(reply->text(), "Fake.");
  EXPECT_EQ(reply->receipt.prompt.n_reused, n_first + 6) << "prompt and answer of the turn before";
  EXPECT_FALSE(reply->receipt.prompt.first_difference);

  const auto again = g->generate(ask(chat));  // regenerate
  EXPECT_EQ(again->text(), "Fake.");
  EXPECT_EQ(again->receipt.prompt.n_new, 1u);

  auto edited = chat;  // edit the last turn: a branch
  edited.back() = Message::user("Why?");
  reply = g->generate(ask(edited));
  EXPECT_EQ(reply->text(), "Tests.");
  EXPECT_EQ(reply->receipt.prompt.message_idx, 3u);
  EXPECT_NE(reply->receipt.prompt.cause.find("message 3 (user) was changed"), std::string::npos)
      << reply->receipt.prompt.cause;
  EXPECT_GT(reply->receipt.prompt.n_reused, n_first + 6);

  auto dated = chat;  // the system message changes: nothing but its beginning is left
  dated[0] = Message::instruction("Be long.");
  reply = g->generate(ask(dated));
  EXPECT_EQ(reply->receipt.prompt.message_idx, 0u);
  auto cut = chat;
  cut[2] = Message::assistant("Hello?");
  reply = g->generate(ask(cut));
  EXPECT_NE(reply->receipt.prompt.cause.find("message 2 (assistant)"), std::string::npos)
      << reply->receipt.prompt.cause;
}

TEST(LocalGenerator, EnginesThatCannotGoBackReadOnlyTheLastMessageAgain) {
  Script script = saying({{"Hi", "Hello!"}, {"Name?", "Fake."}, {"Why?", "Tests."}});
  script.capabilities.rewind = Capabilities::Rewind::kCheckpoint;
  const auto g = make(script);
  std::vector<Message> chat = {Message::instruction("Be brief."), Message::user("Hi")};
  chat.push_back(g->generate(ask(chat))->answers[0].message);
  chat.push_back(Message::user("Name?"));
  EXPECT_EQ(g->generate(ask(chat))->text(), "Fake.");
  const auto again = g->generate(ask(chat));
  EXPECT_EQ(again->text(), "Fake.");
  EXPECT_EQ(again->receipt.prompt.n_new, 5u + 1 + 11) << "the last message, and what follows it";
  chat.back() = Message::user("Why?");
  const auto edited = g->generate(ask(chat));
  EXPECT_EQ(edited->text(), "Tests.");
  EXPECT_EQ(edited->receipt.prompt.n_new, 4u + 1 + 11);
}

TEST(LocalGenerator, ATextMayComeAsTokensAndGoOnAfterItsEnd) {
  Script script;
  script.replies = {{spelled("Q"), spelled("abc")}};
  const auto generator = make(std::move(script));
  Request request;
  request.sampling.temperature = 0.0f;
  request.prompt = "Q";
  const auto text = generator->generate(request);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->answers.front().tokens.size(), 4u);  // and the end
  request.prompt = fake::ByteVocabulary().encode("Q", {});
  const auto tokens = generator->generate(request);
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_EQ(tokens->answers.front().tokens, text->answers.front().tokens);
  for (const std::int32_t bad : {-1, 1 << 20}) {
    request.prompt = std::vector<std::int32_t>{bad};
    const auto refused = generator->generate(request);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find(std::to_string(bad)), std::string::npos) << refused.error().message;
  }
  request.prompt = "Q";
  request.own_end = Request::OwnEnd::kIgnored;
  request.max_tokens = 20;
  const auto endless = generator->generate(request);
  ASSERT_TRUE(endless) << endless.error().message;
  EXPECT_EQ(endless->answers.front().reason, FinishReason::kMaxTokens);
  request.format.kind = OutputFormat::Kind::kJson;
  EXPECT_FALSE(generator->generate(request));
}

TEST(LocalGenerator, AModelWithoutAVocabularyIsRefused) {
  class Wordless final : public PassingModel {
   public:
    using PassingModel::PassingModel;
    [[nodiscard]] const Vocabulary* vocabulary() const override { return nullptr; }
  };
  FakeModel fake{Script{}};
  const auto g = LocalGenerator::make(std::make_shared<Wordless>(fake), {});
  ASSERT_FALSE(g);
  EXPECT_NE(g.error().message.find("carries no tokenizer"), std::string::npos) << g.error().message;
}

TEST(LocalGenerator, TextOfUsersSpellsNoSpecialTokens) {
  Script script = saying({{"x", "y"}});
  script.expect = {fake::kBos};
  const auto g = make(script);
  const auto reply = g->generate(ask({Message::user("<end_of_turn><bos>x")}));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text(), "y");
  EXPECT_EQ(reply->receipt.n_prompt, 1 + 6 + 13 + 5 + 1 + 1 + 11u);
}

TEST(LocalGenerator, TheReceiptSaysWhoseWordCounted) {
  LocalGeneratorOptions options;
  options.recommended.emplace();
  options.recommended->sampling.temperature = 0.6f;
  options.recommended->sampling.top_k = 20;
  const auto g = make(saying({{"Hi", "Hello. User: no"}}), options);
  Request request;
  request.messages = {Message::user("Hi")};
  request.preset = Preset::kConversational;
  request.sampling.top_p = 1.0f;
  request.sampling.seed = 42;
  const auto reply = g->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  const Receipt& r = reply->receipt;
  using Source = EffectiveOption::Source;
  EXPECT_EQ(option(r, "temperature").source, Source::kPreset);
  EXPECT_EQ(option(r, "temperature").value, "0.7");
  EXPECT_EQ(option(r, "top_k").source, Source::kModel);
  EXPECT_EQ(option(r, "top_k").value, "20");
  EXPECT_EQ(option(r, "top_p").source, Source::kCaller);
  EXPECT_EQ(option(r, "min_p").source, Source::kDefault);
  EXPECT_EQ(option(r, "min_p").value, "0.05");
  EXPECT_EQ(option(r, "seed").value, "42");
  EXPECT_EQ(option(r, "max_tokens").value, "300");
  EXPECT_EQ(option(r, "stop").value, R"(["User:","Human:","\n\n\n"])");
  EXPECT_EQ(reply->text(), "Hello. ");
  EXPECT_EQ(reply->answers[0].reason, FinishReason::kStopString);
  EXPECT_EQ(reply->answers[0].stop_string, "User:");
  EXPECT_EQ(r.constraint, "none");
  EXPECT_EQ(r.engine, "fake");
  EXPECT_EQ(r.quantization, "none");
  EXPECT_EQ(r.n_threads, 1);
  EXPECT_EQ(r.n_prompt, r.prompt.n_reused + r.prompt.n_new);
  EXPECT_FALSE(r.left_device);
  EXPECT_FALSE(r.template_source.empty());
  EXPECT_GE(r.timings.ttft_s, r.timings.prefill_s);
}

TEST(Options, OneTableOfDefaultsAndThePresets) {
  const ResolvedOptions plain = resolve_options({}, {});
  EXPECT_EQ(plain.sampling.temperature, 0.8f);
  EXPECT_EQ(plain.sampling.top_k, 40);
  EXPECT_EQ(plain.sampling.top_p, 0.95f);
  EXPECT_EQ(plain.sampling.min_p, 0.05f);
  EXPECT_EQ(plain.sampling.repetition_penalty, 1);
  EXPECT_EQ(plain.max_tokens, 0u);
  EXPECT_TRUE(plain.stop.empty());
  for (const EffectiveOption& one : plain.told) EXPECT_EQ(one.source, EffectiveOption::Source::kDefault) << one.name;
  EXPECT_NE(plain.sampling.seed, resolve_options({}, {}).sampling.seed) << "asking again gives another answer";
  Request precise;
  precise.preset = Preset::kPrecise;
  const ResolvedOptions resolved = resolve_options(precise, {.stop = std::vector<std::string>{"x"}});
  EXPECT_EQ(resolved.sampling.temperature, 0.3f);
  EXPECT_EQ(resolved.sampling.top_p, 0.95f);
  EXPECT_EQ(resolved.max_tokens, 500u);
  EXPECT_TRUE(resolved.stop.empty()) << "no stops is the preset's word";
  EXPECT_EQ(preset_options(Preset::kOfflineAssistant).max_sentences, 2u);
}

TEST(LocalGenerator, TheOfflineAssistantSaysTwoSentences) {
  const auto g = make(saying({{"Hi", "One. Two! Three."}}));
  Request request = ask({Message::user("Hi")});
  request.preset = Preset::kOfflineAssistant;
  const auto reply = g->generate(request);
  EXPECT_EQ(reply->text(), "One. Two!");
  EXPECT_EQ(reply->answers[0].reason, FinishReason::kSentenceLimit);
}

TEST(LocalGenerator, ThoughtsComeApartFromTheAnswer) {
  const std::string thinking = std::string(kTemplate) + "{# <think></think> #}";
  const auto g = make(saying({{"Hi", "<think>A greeting.</think>\n\nHello!"}}), {}, thinking);
  std::string order;
  const auto reply = g->generate(ask({Message::user("Hi")}), [&](const Event& event) {
    order += std::holds_alternative<PromptProgress>(event.what)   ? 'p'
             : std::holds_alternative<ReasoningDelta>(event.what) ? 'r'
                                                                  : 't';
    return true;
  });
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->answers[0].message.reasoning, "A greeting.");
  EXPECT_EQ(reply->text(), "Hello!");
  EXPECT_GT(reply->receipt.n_reasoning, 10u);
  EXPECT_TRUE(std::ranges::is_sorted(order)) << order;
  EXPECT_EQ(order.front(), 'p');
  EXPECT_EQ(order.back(), 't');

  Request off = ask({Message::user("Hi")});
  off.reasoning.mode = ReasoningOptions::Mode::kOff;
  off.max_tokens = 4;
  const auto quick = g->generate(off);
  EXPECT_EQ(quick->receipt.n_prompt, reply->receipt.n_prompt + std::string_view("<think>\n\n</think>\n\n").size());
  EXPECT_EQ(quick->receipt.n_reasoning, 0u);
}

TEST(LocalGenerator, WhatCannotBeHonouredIsToldOrRefused) {
  const auto g = make(saying({{"Hi", "Hello"}}));
  Request request = ask({Message::user("Hi")});
  request.reasoning.mode = ReasoningOptions::Mode::kOn;
  const auto told = g->generate(request);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->receipt.ignored.size(), 1u);
  EXPECT_EQ(told->receipt.ignored[0].name, "reasoning.mode");
  request.unhonoured = Request::Unhonoured::kRefused;
  EXPECT_FALSE(g->generate(request));
  Request image = ask({Message::user("Look")});
  image.messages[0].content.emplace_back(ImagePart{"image/png", {}});
  EXPECT_EQ(g->generate(image).error().code, ErrorCode::kUnsupportedModel);
  Request pattern = ask({Message::user("Hi")});
  pattern.format = {.kind = OutputFormat::Kind::kRegex, .source = "(a)\\1", .choices = {}};
  EXPECT_FALSE(g->generate(pattern)) << "what is not supported is refused before the first token";
  EXPECT_FALSE(g->generate(ask({})));
  Request many = ask({Message::user("Hi")});
  many.n = 1000000;
  EXPECT_NE(g->generate(many).error().message.find("expected 1 to 128"), std::string::npos);
}

TEST(LocalGenerator, FormatsHoldWhateverTheModelWants) {
  const auto g = make({});  // pseudo-random logits
  Request request;
  request.messages = {Message::user("Hi")};
  request.format = {.kind = OutputFormat::Kind::kChoices, .source = {}, .choices = {"yes", "no", "it depends"}};
  request.n = 6;
  const auto chosen = g->generate(request);
  ASSERT_TRUE(chosen) << chosen.error().message;
  EXPECT_EQ(chosen->receipt.constraint, "choices, enforced token by token");
  for (const Answer& answer : chosen->answers)
    EXPECT_NE(std::ranges::find(request.format.choices, answer.message.text()), request.format.choices.end())
        << answer.message.text();
  request.n = 2;
  request.max_tokens = 40;
  request.format = {.kind = OutputFormat::Kind::kJsonSchema,
                    .source = R"({"type":"object","properties":{"n":{"type":"integer"},"s":{"type":"string"}},
                                  "required":["n","s"],"additionalProperties":false})",
                    .choices = {}};
  const auto typed = g->generate(request);
  ASSERT_TRUE(typed) << typed.error().message;
  for (const Answer& answer : typed->answers) {
    const auto json = nlohmann::json::parse(answer.message.text(), nullptr, false);
    ASSERT_TRUE(json.is_object()) << answer.message.text();
    EXPECT_TRUE(json["n"].is_number() && json["s"].is_string()) << answer.message.text();
  }
  request.max_tokens = 5;
  EXPECT_NE(g->generate(request).error().message.find("budget 5 < minimum"), std::string::npos);
}

TEST(LocalGenerator, FormatsEndBeforeTheContextDoes) {
  for (std::size_t n_ctx = 30; n_ctx < 90; n_ctx += 7) {
    Script script;  // pseudo-random logits
    script.n_ctx = n_ctx;
    const auto g = make(script);
    Request request;
    request.messages = {Message::user("Hi")};
    request.max_tokens = 1000;
    request.format = {.kind = OutputFormat::Kind::kJsonSchema,
                      .source = R"({"type":"object","properties":{"name":{"type":"string","minLength":9}},
                                    "required":["name"],"additionalProperties":false})",
                      .choices = {}};
    const auto reply = g->generate(request);
    if (!reply) {
      EXPECT_EQ(reply.error().code, ErrorCode::kContextFull);
      EXPECT_NE(reply.error().message.find("< minimum"), std::string::npos) << reply.error().message;
      EXPECT_LT(n_ctx, 60u);
    } else {
      EXPECT_TRUE(nlohmann::json::accept(reply->answers[0].message.text())) << reply->answers[0].message.text();
    }
  }
}

TEST(LocalGenerator, SeveralAnswersAndLogProbabilities) {
  const auto g = make({});
  Request request;
  request.messages = {Message::user("Hi")};
  request.sampling.seed = 9;
  request.sampling.n_logprobs = 2;
  request.max_tokens = 6;
  request.n = 3;
  const auto reply = g->generate(request);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->answers.size(), 3u);
  EXPECT_EQ(reply->answers[0].logprobs.size(), 6u);
  EXPECT_EQ(reply->answers[0].logprobs[0].top.size(), 2u);
  EXPECT_NE(reply->answers[0].logprobs[0].token * 1000 + reply->answers[0].logprobs[1].token,
            reply->answers[1].logprobs[0].token * 1000 + reply->answers[1].logprobs[1].token);
  request.n = 1;
  const auto alone = g->generate(request);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(alone->answers[0].logprobs[i].token, reply->answers[0].logprobs[i].token);
}

TEST(LocalGenerator, ContextPoliciesTellWhatTheyDropped) {
  Script script = saying({{"last", "fine"}});
  script.n_ctx = 160;
  const auto g = make(script);
  std::vector<Message> chat = {Message::instruction("S")};
  for (int i = 0; i < 6; ++i) {
    chat.push_back(Message::user("question number " + std::to_string(i)));
    chat.push_back(Message::assistant("answer"));
  }
  chat.push_back(Message::user("last"));
  Request request = ask(chat);
  request.max_tokens = 8;
  const auto refused = g->generate(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kContextFull);
  request.context.kind = ContextPolicy::Kind::kDropOldest;
  const auto dropped = g->generate(request);
  ASSERT_TRUE(dropped) << dropped.error().message;
  EXPECT_EQ(dropped->text(), "fine");
  EXPECT_EQ(dropped->receipt.dropped_messages, (std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  request.context = {.kind = ContextPolicy::Kind::kKeepLast, .n_messages = 3, .summarise = {}};
  const auto kept = g->generate(request);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->receipt.dropped_messages.size(), 10u);
  std::size_t n_summarised = 0;
  request.context = {.kind = ContextPolicy::Kind::kSummarise, .n_messages = 0, .summarise = [&](const auto& old) {
                       n_summarised = old.size();
                       return Result<std::string>("They talked.");
                     }};
  const auto summarised = g->generate(request);
  ASSERT_TRUE(summarised) << summarised.error().message;
  EXPECT_EQ(summarised->receipt.dropped_messages.size(), n_summarised);
  EXPECT_EQ(summarised->text(), "fine");
  request.messages.back() = Message::user(std::string(400, 'x'));
  EXPECT_NE(g->generate(request).error().message.find("even the last turn"), std::string::npos);
}

TEST(LocalGenerator, StoppingKeepsWhatWasSaid) {
  Script script = saying({{"Hi", "A very long answer that nobody wants to read"}});
  script.delay_per_token = std::chrono::milliseconds(2);  // or the answer may be complete before anybody can stop it
  const auto g = make(std::move(script));
  std::string seen;
  auto reply = g->generate(ask({Message::user("Hi")}), [&](const Event& event) {
    if (const auto* text = std::get_if<TextDelta>(&event.what)) seen += text->text;
    return seen.size() < 3;
  });
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->answers[0].reason, FinishReason::kCancelled);
  EXPECT_EQ(reply->text(), seen);
  reply = g->generate(ask({Message::user("Hi")}), {}, [] { return true; });
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->answers[0].reason, FinishReason::kCancelled);
}

TEST(LocalGenerator, BatchesPrimingAndTextWithoutATemplate) {
  LocalGeneratorOptions options;
  options.scheduler.max_queued = 2;
  options.scheduler.max_running = 2;
  const auto g = make(saying({{"1", "one"}, {"2", "two"}, {"3", "three"}}), options);
  ASSERT_TRUE(g->warm_up());
  std::vector<Request> requests;
  for (const char* text : {"1", "2", "3", "1", "2", "3", "1"}) requests.push_back(ask({Message::user(text)}));
  requests[3].messages.clear();
  const auto replies = g->generate_batch(requests);
  ASSERT_EQ(replies.size(), 7u);
  EXPECT_EQ(replies[2]->text(), "three");
  EXPECT_FALSE(replies[3]) << "its own mistake only";
  EXPECT_EQ(replies[6]->text(), "one");

  ASSERT_TRUE(g->prime(ask({Message::instruction("Long and wise"), Message::user("What I")})));
  const auto ready = g->generate(ask({Message::instruction("Long and wise"), Message::user("What I meant: 1")}));
  EXPECT_EQ(ready->text(), "one");
  EXPECT_EQ(ready->receipt.prompt.n_new, std::string_view(" meant: 1").size() + 1 + 11);

  Script script;
  script.replies.push_back({spelled("Once upon"), spelled(" a time")});
  const auto plain = make(script);
  Request request;
  request.prompt = "Once upon";
  request.sampling.temperature = 0.0f;
  EXPECT_EQ(plain->generate(request)->text(), " a time");
}

TEST(LocalGenerator, ManyCallersOneWithASlowSink) {
  const auto g = make(saying({{"a", "first answer"}, {"b", "second answer"}}));
  std::atomic<bool> others_done = false;
  std::thread slow([&] {
    const auto reply = g->generate(ask({Message::user("a")}), [&](const Event&) {
      while (!others_done) std::this_thread::yield();
      return true;
    });
    EXPECT_EQ(reply->text(), "first answer");
  });
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back([&] {
      for (int k = 0; k < 10; ++k) EXPECT_EQ(g->generate(ask({Message::user("b")}))->text(), "second answer");
    });
  }
  for (std::thread& other : others) other.join();
  others_done = true;
  slow.join();
}

TEST(LocalGenerator, CustomStepsAndTheBeginningOfAnAnswer) {
  const auto g = make(saying({{"Hi", "Hello there"}}));
  Request request = ask({Message::user("Hi")});
  request.assistant_prefix = "Hello";
  EXPECT_EQ(g->generate(request)->text(), " there");
  request.assistant_prefix.clear();
  request.max_tokens = 3;
  request.sampling.custom.apply = [](Candidates& candidates, auto, auto) -> Status {
    for (std::size_t i = 0; i < candidates.size(); ++i) candidates.logits[i] = candidates.ids[i] == 'z' ? 9.0f : 0.0f;
    return {};
  };
  EXPECT_EQ(g->generate(request)->text(), "zzz");
  request.sampling.custom.apply = [](Candidates&, auto, auto) { return fail(ErrorCode::kInvalidArgument, "no"); };
  EXPECT_EQ(g->generate(request).error().message, "no");
}

}  // namespace
}  // namespace hearth::generate
