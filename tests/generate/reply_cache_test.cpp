// The reply cache: exact repeats are not computed again, and everything that decides a reply tells them apart.
#include "generate/reply_cache.h"

#include <gtest/gtest.h>

#include "engine/fake/fake_model.h"
#include "generate/local_generator.h"

namespace hearth::generate {
namespace {

struct Cached {
  std::shared_ptr<fake::FakeModel> model = std::make_shared<fake::FakeModel>(fake::Script{});
  std::unique_ptr<LocalGenerator> generator;

  explicit Cached(ReplyCacheOptions options = {}) {
    LocalGeneratorOptions all;
    all.chat_template.given_source = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]";
    all.replies = options;
    generator = std::move(*LocalGenerator::make(model, std::move(all)));
  }
  Reply generate(const Request& request, const EventSink& sink = {}) const {
    auto reply = generator->generate(request, sink);
    EXPECT_TRUE(reply) << reply.error().message;
    return std::move(*reply);
  }
  [[nodiscard]] bool repeats(const Request& request) const { return generate(request).receipt.repeated; }
};

Request greeting() {
  Request request;
  request.messages = {Message::user("good morning")};
  request.max_tokens = 20;
  request.sampling.seed = 3;
  return request;
}

std::string text_of(std::string& all, const Event& event) {
  if (const auto* text = std::get_if<TextDelta>(&event.what)) all += text->text;
  return all;
}

TEST(ReplyCache, AnExactRepeatIsNotComputedAgain) {
  const Cached cached;
  const Reply first = cached.generate(greeting());
  EXPECT_FALSE(first.receipt.repeated);
  const auto n_evaluate = cached.model->counts().n_evaluate;
  std::string told;
  const Reply second = cached.generate(greeting(), [&](const Event& event) {
    text_of(told, event);
    return true;
  });
  EXPECT_TRUE(second.receipt.repeated);
  EXPECT_EQ(cached.model->counts().n_evaluate, n_evaluate);
  EXPECT_EQ(second.text(), first.text());
  EXPECT_EQ(told, first.text());
  EXPECT_EQ(second.receipt.n_completion, first.receipt.n_completion);
  EXPECT_EQ(second.receipt.prompt.n_new, 0u);
  EXPECT_EQ(second.receipt.timings.decode_s, 0);
  const Reply cut = cached.generate(greeting(), [](const Event&) { return false; });
  EXPECT_EQ(cut.answers[0].reason, FinishReason::kCancelled);
  cached.generator->forget();
  EXPECT_FALSE(cached.repeats(greeting()));
}

TEST(ReplyCache, WhateverDecidesTheReplyTellsRequestsApart) {
  const std::vector<std::function<void(Request&)>> changes = {
      [](Request& r) { r.messages[0] = Message::user("good evening"); },
      [](Request& r) { r.messages.push_back(Message::user("")); },
      [](Request& r) { r.principal = "somebody else"; },
      [](Request& r) { r.max_tokens = 21; },
      [](Request& r) { r.sampling.seed = 4; },
      [](Request& r) { r.sampling.temperature = 0.5f; },
      [](Request& r) { r.sampling.top_p = 0.5f; },
      [](Request& r) { r.sampling.logit_bias = {{.id = 70, .bias = 1}}; },
      [](Request& r) { r.sampling.order = {SampleStep::kTemperature}; },
      [](Request& r) { r.sampling.n_logprobs = 1; },
      [](Request& r) { r.sampling.dry = DryOptions{.multiplier = 0.5f}; },
      [](Request& r) { r.stop = std::vector<std::string>{"x"}; },
      [](Request& r) { r.max_sentences = 3; },
      [](Request& r) { r.n = 2; },
      [](Request& r) { r.format = {.kind = OutputFormat::Kind::kChoices, .source = {}, .choices = {"yes", "no"}}; },
      [](Request& r) { r.format = {.kind = OutputFormat::Kind::kRegex, .source = "[a-z]{3}", .choices = {}}; },
      [](Request& r) { r.assistant_prefix = "Well"; },
      [](Request& r) { r.tools = {{.name = "clock", .description = "", .parameters = "{}"}}; },
  };
  const Cached cached;
  cached.generate(greeting());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Request other = greeting();
    changes[i](other);
    EXPECT_FALSE(cached.repeats(other)) << "change " << i;
    EXPECT_TRUE(cached.repeats(other)) << "change " << i;
  }
  EXPECT_TRUE(cached.repeats(greeting()));
}

TEST(ReplyCache, ADrawnSeedMeansAnotherAnswerUnlessTheCallerSaysSo) {
  Request drawn = greeting();
  drawn.sampling.seed.reset();
  const Cached usual;
  usual.generate(drawn);
  EXPECT_FALSE(usual.repeats(drawn));
  Request greedy = drawn;
  greedy.sampling.temperature = 0.0f;
  usual.generate(greedy);
  EXPECT_TRUE(usual.repeats(greedy)) << "nothing is drawn";
  greedy.sampling.seed = 9;
  EXPECT_TRUE(usual.repeats(greedy));

  const Cached repeating({.drawn_seeds = ReplyCacheOptions::DrawnSeeds::kRepeat});
  const Reply first = repeating.generate(drawn), second = repeating.generate(drawn);
  EXPECT_TRUE(second.receipt.repeated);
  const auto seed = [](const Reply& reply) {
    return std::ranges::find(reply.receipt.options, "seed", &EffectiveOption::name)->value;
  };
  EXPECT_EQ(seed(first), seed(second)) << "the one that made the answer";

  Request custom = greeting();
  custom.sampling.custom = {.apply = [](Candidates&, std::span<const Token>, std::uint64_t) { return Status(); },
                            .replayable = true};
  usual.generate(custom);
  EXPECT_FALSE(usual.repeats(custom)) << "nobody knows what it depends on";
}

TEST(ReplyCache, BoundedAndOnlyWholeReplies) {
  const Cached cached({.max_entries = 2});
  const auto asking = [](std::string text) {
    Request request = greeting();
    request.messages = {Message::user(std::move(text))};
    return request;
  };
  cached.generate(asking("a"), [](const Event&) { return false; });
  EXPECT_FALSE(cached.repeats(asking("a"))) << "the first was cut short";
  cached.generate(asking("b"));
  EXPECT_TRUE(cached.repeats(asking("a")));
  cached.generate(asking("c"));
  EXPECT_FALSE(cached.repeats(asking("b"))) << "least recently used";
  const Cached tiny({.max_bytes = 10});
  tiny.generate(asking("a"));
  EXPECT_FALSE(tiny.repeats(asking("a")));
}

}  // namespace
}  // namespace hearth::generate
