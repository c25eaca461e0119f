// Secrets never cross requests: a model that gives away everything it has read answers many at once, some of which are
// stopped at any moment, with and without reuse. Whatever a sequence holds that is not its own request's would be said.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "engine/fake/fake_model.h"
#include "generate/local_generator.h"

namespace hearth::generate {
namespace {

/// Continues a text with itself from its first token on: its context, word for word.
std::shared_ptr<fake::FakeModel> parrot() {
  fake::Script script;
  script.logits = [](std::span<const Token> history, std::span<float> logits) {
    std::ranges::fill(logits, 0.0f);
    constexpr std::string_view kEnd = "[assistant]";
    const auto end = std::ranges::search(history, kEnd, {}, [](Token token) { return static_cast<char>(token); });
    const auto n_prompt = static_cast<std::size_t>(end.end() - history.begin());
    if (end.empty() || history.size() < n_prompt) return;
    const std::size_t n_said = history.size() - n_prompt;
    logits[static_cast<std::size_t>(n_said < n_prompt ? history[n_said] : fake::kEos)] = 20.0f;
  };
  return std::make_shared<fake::FakeModel>(std::move(script));
}

struct Storm {
  std::size_t n_requests = 0, n_kept_bytes = 0;
  std::atomic<std::size_t> next = 0, n_stopped = 0, n_reused = 0, n_leaks = 0, n_errors = 0;
};

constexpr std::size_t kCallers = 8, kPrincipals = 5;

/// The whole secrets of a text, own or foreign: <digits>. By hand, since threads that build a std::regex at once race
/// inside the standard library.
std::vector<std::string_view> secrets_of(std::string_view text) {
  std::vector<std::string_view> found;
  for (std::size_t begin = 0; (begin = text.find('<', begin)) != std::string_view::npos; ++begin) {
    const std::size_t end = text.find_first_not_of("0123456789", begin + 1);
    if (end != std::string_view::npos && end > begin + 1 && text[end] == '>')
      found.push_back(text.substr(begin, end + 1 - begin));
  }
  return found;
}

/// Some begin with the same words, some are next turns of what the same principal asked before.
Request request_of(std::size_t i, const std::string& secret, std::mt19937& random) {
  Request request;
  request.principal = "key " + std::to_string(i % kPrincipals);
  request.sampling.temperature = 0.0f;
  request.messages = {Message::instruction("You keep the secrets of many."),
                      Message::user("Mine is " + secret + std::string(random() % 40, '.'))};
  if (random() % 4 == 0) request.max_tokens = 1 + random() % 60;
  if (random() % 8 == 0) request.n = 2;
  return request;
}

void call(LocalGenerator& generator, Storm& storm, unsigned seed) {
  std::mt19937 random(seed);
  for (std::size_t i = 0; (i = storm.next++) < storm.n_requests;) {
    const std::string secret = "<" + std::to_string(1'000'000 + i) + ">";
    // 30 % stop: before anything, while the prompt is read, or after some pieces of text.
    std::size_t patience = random() % 10 < 3 ? random() % 12 : 1'000'000;
    std::array<std::string, 2> streamed;
    const auto reply = generator.generate(
        request_of(i, secret, random),
        [&](const Event& event) {
          if (const auto* said = std::get_if<TextDelta>(&event.what)) streamed[event.answer_idx] += said->text;
          return patience == 0 || --patience > 0;
        },
        [&] { return patience == 0; });
    if (!reply) {
      storm.n_errors += reply.error().code != ErrorCode::kCancelled;
      continue;
    }
    storm.n_reused += reply->receipt.prompt.n_reused;
    for (std::size_t a = 0; a < reply->answers.size(); ++a) {
      const std::string text = reply->answers[a].message.text();
      storm.n_stopped += reply->answers[a].reason == FinishReason::kCancelled;
      for (const std::string& said : {streamed[a], text}) {
        for (const std::string_view found : secrets_of(said)) storm.n_leaks += found != secret;
      }
      // What ended by itself gives away all of its own.
      if (reply->answers[a].reason == FinishReason::kStop) storm.n_errors += text.find(secret) == std::string::npos;
    }
  }
}

void rage(Storm& storm) {
  LocalGeneratorOptions options;
  options.scheduler = {.chunk = 16, .max_running = kCallers, .max_queued = 256, .max_queued_per_principal = 256};
  options.scheduler.cache.max_bytes = storm.n_kept_bytes;
  options.scheduler.speculation = {.mode = SpeculationOptions::Mode::kOn, .when = SpeculationOptions::When::kAlways};
  options.chat_template.given_source = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]";
  options.chat_template.given_origin = "test";
  const auto made = LocalGenerator::make(parrot(), std::move(options));
  ASSERT_TRUE(made) << made.error().message;
  {
    std::vector<std::jthread> callers;
    for (unsigned c = 0; c < kCallers; ++c) callers.emplace_back([&, c] { call(**made, storm, c); });
  }
  EXPECT_EQ(storm.n_leaks, 0u);
  EXPECT_EQ(storm.n_errors, 0u);
  EXPECT_GT(storm.n_stopped, storm.n_requests / 20);
  EXPECT_EQ((*made)->state().n_running + (*made)->state().n_queued, 0u);
}

TEST(Canary, SecretsNeverCrossRequests) {
  const char* const asked = std::getenv("HEARTH_TEST_CANARIES");  // 10000 is the full storm
  const std::size_t n = asked ? static_cast<std::size_t>(std::atoll(asked)) : 300;
  for (const std::size_t kept : {std::size_t{0}, std::size_t{1} << 20}) {
    Storm storm;
    storm.n_requests = n;
    storm.n_kept_bytes = kept;
    rage(storm);
    std::printf("%zu requests, %zu answers stopped, %zu tokens reused\n", n, storm.n_stopped.load(),
                storm.n_reused.load());
    if (kept > 0) {
      EXPECT_GT(storm.n_reused, n) << "the storm is about reuse";
    }
  }
}

}  // namespace
}  // namespace hearth::generate
