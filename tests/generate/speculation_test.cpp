// Speculation changes when things are computed and nothing of what is said: every answer is compared with the answer
// of a scheduler that does not speculate.
#include "generate/speculation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/hash.h"
#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "engine/native/native_model.h"
#include "engine/passing_model.h"
#include "generate/local_generator.h"
#include "generate/text_loop.h"

#include <fmt/format.h>

namespace hearth::generate {
namespace {

using fake::FakeModel;
using fake::Script;
using Mode = SpeculationOptions::Mode;
using When = SpeculationOptions::When;

std::vector<Token> spelled_bytes(std::string_view text) {
  return fake::ByteVocabulary().encode(text, {.special = EncodeOptions::Special::kNone});
}

/// A model whose texts repeat themselves: what comes next depends on the last `memory` tokens only, and some tokens are
/// far likelier than others.
Script repetitive(std::uint64_t seed, std::size_t memory, float sharpness = 6) {
  Script script;
  script.logits = [=](std::span<const Token> history, std::span<float> logits) {
    Hash64 hash;
    hash.add(seed);
    hash.add(std::as_bytes(history.last(std::min(memory, history.size()))));
    std::mt19937_64 random(hash.value());
    for (float& logit : logits) logit = static_cast<float>(random() % 1000) * 0.001f;
    for (int i = 0; i < 3; ++i) logits['a' + random() % 6] += sharpness / static_cast<float>(i + 1);
  };
  return script;
}

Job talk(std::string_view prompt, std::size_t max_tokens, std::uint64_t seed) {
  Job job;
  job.prompt = {.principal = "", .tokens = spelled_bytes(prompt), .marks = {}};
  job.sampling.seed = seed;
  job.steps.max_tokens = max_tokens;
  job.steps.end_tokens = EndTokens::kIgnore;
  return job;
}

SchedulerOptions guessing(std::size_t max_draft = 6) {
  SchedulerOptions options;
  options.chunk = 32;
  options.speculation = {.mode = Mode::kOn, .when = When::kAlways, .max_draft = max_draft, .draft_model = nullptr};
  return options;
}

struct Said {
  std::vector<std::vector<Token>> tokens;
  std::vector<std::vector<float>> logprobs;
  std::vector<FinishReason> reasons;
  std::string text;
  bool operator==(const Said&) const = default;
};

Said listen(Ticket& ticket, JobResult* result_out = nullptr) {
  Said said;
  while (!ticket.done()) {
    const auto event = ticket.next(std::chrono::milliseconds(1000));
    const auto* piece = event ? std::get_if<JobPiece>(&*event) : nullptr;
    if (piece && piece->answer_idx == 0) said.text += piece->shown.reasoning + "|" + piece->shown.answer;
  }
  auto result = ticket.result();
  EXPECT_TRUE(result) << result.error().message;
  if (!result) return said;
  for (const JobAnswer& answer : result->answers) {
    said.tokens.push_back(answer.tokens);
    said.reasons.push_back(answer.reason);
    auto& logprobs = said.logprobs.emplace_back();
    for (const auto& choice : answer.choices) logprobs.push_back(*choice.logprob);
  }
  std::erase(said.text, '|');
  if (result_out) *result_out = std::move(*result);
  return said;
}

Said say(LanguageModel& model, SchedulerOptions options, const Job& job, JobResult* result = nullptr) {
  const auto scheduler = Scheduler::make(model, std::move(options));
  EXPECT_TRUE(scheduler) << scheduler.error().message;
  const auto ticket = (*scheduler)->submit(job);
  EXPECT_TRUE(ticket) << ticket.error().message;
  return listen(**ticket, result);
}

std::string random_text(std::mt19937& random, std::size_t n) {
  std::string text(n, 'a');
  for (char& c : text) c = static_cast<char>('a' + random() % 6);
  return text;
}

Job random_talk(std::mt19937& random) {
  Job job = talk(random_text(random, 1 + random() % 60), 1 + random() % 60, random());
  job.sampling.temperature = random() % 3 == 0 ? 0.0f : 0.8f;
  job.sampling.n_logprobs = 0;
  job.n = 1 + random() % 3;
  if (random() % 3 == 0) job.steps.stop = {random_text(random, 2), random_text(random, 3)};
  if (random() % 4 == 0) job.sampling.repetition_penalty = 1.3f;
  if (random() % 4 == 0) job.sampling.mirostat.version = 1 + static_cast<std::int32_t>(random() % 2);
  if (random() % 4 == 0) job.sampling.dry.multiplier = 0.8f;
  return job;
}

TEST(Speculation, SaysWhatWouldHaveBeenSaid) {
  std::mt19937 random(11);
  std::size_t n_drafted = 0, n_accepted = 0;
  for (int round = 0; round < 30; ++round) {
    const Script script = repetitive(random(), 1 + random() % 3);
    const Job job = random_talk(random);
    FakeModel plain(script), guessed(script);
    JobResult result;
    const Said expected = say(plain, {}, job);
    EXPECT_EQ(say(guessed, guessing(1 + random() % 12), job, &result), expected) << "round " << round;
    n_drafted += result.n_drafted;
    n_accepted += result.n_accepted;
    const auto counts = guessed.counts();
    EXPECT_EQ(counts.n_create + counts.n_fork, counts.n_destroy) << "no sequence is left";
  }
  EXPECT_GT(n_drafted, 250u);
  EXPECT_GT(n_accepted, n_drafted / 10);
  EXPECT_LT(n_accepted, n_drafted) << "wrong guesses have to occur, too";
}

TEST(Speculation, ManyAtOnceWithDraftModelsGoodAndBad) {
  std::mt19937 random(12);
  for (const std::uint64_t other : {0u, 1u}) {  // the same model, and one that thinks differently
    for (const bool cached : {false, true}) {
      const Script script = repetitive(5, 2);
      FakeModel plain(script), guessed(script);
      SchedulerOptions options = guessing();
      options.speculation.draft_model = std::make_shared<FakeModel>(repetitive(5 + other, 2));
      if (!cached) options.cache.max_bytes = 0;
      const auto scheduler = Scheduler::make(guessed, options);
      ASSERT_TRUE(scheduler);
      std::vector<Job> jobs;
      std::vector<std::shared_ptr<Ticket>> tickets;
      for (int i = 0; i < 14; ++i) {
        jobs.push_back(random_talk(random));
        tickets.push_back(*(*scheduler)->submit(jobs.back()));
      }
      std::size_t n_drafted = 0, n_accepted = 0;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        JobResult result;
        EXPECT_EQ(listen(*tickets[i], &result), say(plain, {}, jobs[i])) << i;
        EXPECT_EQ(result.speculation, "draft scripted");
        n_drafted += result.n_drafted;
        n_accepted += result.n_accepted;
      }
      if (other == 0) {
        EXPECT_GT(n_accepted * 10, n_drafted * 6) << "the same random numbers: mostly right";
      }
    }
  }
}

TEST(Speculation, FewerStepsWhereTextRepeats) {
  Script script;
  script.replies = {
      {spelled_bytes("Q"), spelled_bytes("the same words, the same words, the same words, the same words.")}};
  FakeModel plain(script), guessed(script);
  Job job = talk("Q", 60, 1);
  job.sampling.temperature = 0;
  const Said expected = say(plain, {}, job);
  JobResult result;
  EXPECT_EQ(say(guessed, guessing(8), job, &result), expected);
  EXPECT_EQ(plain.counts().n_evaluate, 60u);
  EXPECT_LE(guessed.counts().n_evaluate, 30u);
  EXPECT_GE(result.n_accepted, 30u);
  EXPECT_EQ(result.speculation, "lookup");
}

TEST(Speculation, AFormatsOwnBytesAreGuessedAndHeld) {
  const auto make = [](SchedulerOptions scheduler) {
    LocalGeneratorOptions options;
    options.chat_template.given_source = "{{ messages[0].content }}";
    options.scheduler = std::move(scheduler);
    auto model = std::make_shared<FakeModel>(Script{});
    return std::pair(model, std::move(*LocalGenerator::make(model, std::move(options))));
  };
  const auto [plain_model, plain] = make({});
  const auto [guessed_model, guessed] = make(guessing());
  Request request;
  request.messages = {Message::user("?")};
  request.max_tokens = 120;
  request.n = 2;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    request.sampling.seed = seed;
    request.sampling.temperature = seed == 0 ? 0.0f : 1.0f;
    request.format = {.kind = OutputFormat::Kind::kJsonSchema,
                      .source = R"({"type":"object","properties":{"temperature":{"type":"integer","maximum":99},
                                 "description":{"enum":["sunshine","rain and wind"]}},
                                 "required":["temperature","description"],"additionalProperties":false})",
                      .choices = {}};
    const auto expected = plain->generate(request), got = guessed->generate(request);
    ASSERT_TRUE(expected && got);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(got->answers[i].message.text(), expected->answers[i].message.text());
      EXPECT_NE(got->answers[i].message.text().find("\"description\""), std::string::npos);
    }
    EXPECT_GT(got->receipt.n_accepted, 40u) << "the keys are known beforehand";
  }
  EXPECT_LT(guessed_model->counts().n_evaluate * 2, plain_model->counts().n_evaluate);
}

/// Remembers the widest step.
class Watched final : public PassingModel {
 public:
  using PassingModel::PassingModel;
  Status evaluate(std::span<const Item> items, std::span<const Want> wants, OutputSink& sink,
                  const EvaluateOptions& options) override {
    std::size_t n_rows = 0;
    for (const Item& item : items) n_rows += item.tokens.size();
    widest = std::max(widest, n_rows);
    return inner().evaluate(items, wants, sink, options);
  }
  std::size_t widest = 0;
};

TEST(Speculation, AStepIsNeverWiderThanTheChunkAndItsAnswers) {
  for (const std::size_t max_rows : {std::size_t{1} << 16, std::size_t{9}}) {
    Script script = repetitive(3, 1);
    script.capabilities.max_rows = max_rows;
    FakeModel fake(script);
    Watched model(fake);
    SchedulerOptions options = guessing(12);
    options.chunk = 20;
    options.max_running = 5;
    const auto scheduler = Scheduler::make(model, options);
    std::mt19937 random(1);
    std::vector<std::shared_ptr<Ticket>> tickets;
    for (int i = 0; i < 20; ++i) tickets.push_back(*(*scheduler)->submit(talk(random_text(random, 90), 40, random())));
    for (const auto& ticket : tickets) ASSERT_TRUE(ticket->result());
    EXPECT_LE(model.widest, std::min<std::size_t>(max_rows, 20 + 5));
    EXPECT_GT(model.widest, std::min<std::size_t>(max_rows, 6) - 1) << "guesses were made";
  }
}

TEST(Speculation, FailuresAndCancelsInTheMiddleOfARun) {
  std::mt19937 random(14);
  using Call = fake::Failure::Call;
  for (int round = 0; round < 15; ++round) {
    const Script script = repetitive(random(), 1);
    const Job job = random_talk(random);
    FakeModel plain(script);
    const Said expected = say(plain, {}, job);
    Script failing = script;  // rewinds fail, and the sequence has to be read again
    for (std::size_t i = 1; i < 40; i += 1 + random() % 3) failing.failures.push_back({Call::kRewind, i, {}});
    FakeModel guessed(failing);
    EXPECT_EQ(say(guessed, guessing(), job), expected) << round;
    const auto counts = guessed.counts();
    EXPECT_EQ(counts.n_create + counts.n_fork, counts.n_destroy);

    Script slow = script;
    slow.delay_per_call = std::chrono::microseconds(30);
    FakeModel cancelled(slow);
    const auto scheduler = Scheduler::make(cancelled, guessing());
    const auto ticket = *(*scheduler)->submit(job);
    (void)ticket->next(std::chrono::milliseconds(100));
    ticket->cancel();
    const auto result = ticket->result();
    ASSERT_TRUE(result);
    const auto &said = result->answers[0].tokens, &whole = expected.tokens[0];
    ASSERT_LE(said.size(), whole.size());
    EXPECT_TRUE(std::equal(said.begin(), said.end(), whole.begin()));
    const auto again = *(*scheduler)->submit(job);  // from what the cancelled one left
    EXPECT_EQ(listen(*again), expected);
  }
}

TEST(Speculation, OffWithAReasonWhereItCannotBe) {
  const auto told = [](const std::function<void(Script&)>& change, SchedulerOptions options, Job job) {
    Script script;
    change(script);
    FakeModel model(script);
    JobResult result;
    say(model, std::move(options), job, &result);
    EXPECT_EQ(result.n_drafted, 0u);
    return result.speculation;
  };
  const Job job = talk("aaaaaaaaaa", 5, 1);
  EXPECT_EQ(told([](Script&) {}, {}, job), "off: nobody asked for it");
  EXPECT_NE(told([](Script& s) { s.capabilities.rewind = Capabilities::Rewind::kCheckpoint; }, guessing(), job)
                .find("off: the state of this model cannot go back"),
            std::string::npos);
  EXPECT_NE(told([](Script& s) { s.capabilities.logits = Capabilities::Logits::kLast; }, guessing(), job).find("off: "),
            std::string::npos);
  EXPECT_NE(told([](Script& s) { s.capabilities.batch_invariant = false; }, guessing(), job).find("computed together"),
            std::string::npos);
  Job custom = job;
  custom.sampling.custom.apply = [](Candidates&, std::span<const Token>, std::uint64_t) { return Status(); };
  EXPECT_NE(told([](Script&) {}, guessing(), custom).find("off: the custom sampling step"), std::string::npos);

  Script script;
  script.capabilities.rewind = Capabilities::Rewind::kCheckpoint;
  SchedulerOptions options = guessing();
  options.speculation.draft_model = std::make_shared<FakeModel>(script);
  FakeModel model{Script{}};
  const auto refused = Scheduler::make(model, options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cannot draft for the other: its state cannot go back"), std::string::npos);
}

TEST(Speculation, AFailingDraftModelHarmsNothing) {
  std::mt19937 random(15);
  for (const auto call : {fake::Failure::Call::kEvaluate, fake::Failure::Call::kRewind, fake::Failure::Call::kCreate}) {
    for (std::size_t number = 1; number < 6; ++number) {
      const Script script = repetitive(8, 2);
      Script broken = script;
      broken.failures = {{call, number, {}}};
      SchedulerOptions options = guessing();
      options.speculation.draft_model = std::make_shared<FakeModel>(broken);
      FakeModel plain(script), guessed(script);
      const Job job = random_talk(random);
      EXPECT_EQ(say(guessed, options, job), say(plain, {}, job));
    }
  }
}

TEST(Speculation, ARealModelSaysTheSameToTheBit) {
  const auto path = testing::data_path("weights/stories260K/stories260K.gguf");
  if (auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto open = [&] { return std::move(*native::NativeModel::open(path, {.n_threads = 1})); };
  const auto model = open();
  for (const bool drafts : {false, true}) {
    SchedulerOptions options = guessing();
    if (drafts) options.speculation.draft_model = open();
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      Job job;
      job.prompt.tokens = model->vocabulary()->encode("Once upon a time there was a cat. The cat said: Once upon", {});
      job.sampling.seed = seed;
      job.sampling.temperature = seed == 0 ? 0.0f : 0.7f;
      job.sampling.n_logprobs = 3;
      job.steps.max_tokens = 60;
      job.n = 2;
      JobResult result;
      EXPECT_EQ(say(*model, options, job, &result), say(*model, {}, job)) << seed;
      EXPECT_GT(result.n_drafted, 0u);
      if (drafts) {
        EXPECT_GT(result.n_accepted * 10, result.n_drafted * 8) << "it drafts for itself";
      }
    }
  }
}

TEST(TokenLookup, FindsTheLongestAndGoesInCircles) {
  TokenLookup lookup;
  const auto text = spelled_bytes("one fish, two fish, red fish, two fi");
  const auto found = lookup.propose(text, 4);
  EXPECT_EQ(found.tokens, spelled_bytes("sh, "));
  EXPECT_EQ(found.n_matched, std::string("fish, two fi").size() + 1) << "with the space before";
  EXPECT_EQ(lookup.propose(spelled_bytes("one fish, two fish, red fish, two fish, x"), 3).tokens.size(), 0u);
  TokenLookup circle;
  EXPECT_EQ(circle.propose(spelled_bytes("abcabcabc"), 8).tokens, spelled_bytes("abcabcab"));
  TokenLookup nothing;
  EXPECT_TRUE(nothing.propose(spelled_bytes("ab"), 3).tokens.empty());
  EXPECT_TRUE(nothing.propose({}, 3).tokens.empty());
}

TEST(DraftPace, DraftsWherePaysAndStopsWhereNot) {
  DraftPace pace;
  for (std::size_t rows = 1; rows <= 9; ++rows) pace.step_took(rows, 1 + 0.1 * static_cast<double>(rows - 1));
  const auto best = [&](double rate) { return pace.best({.rate = rate, .n_rows = 1, .n_expected = 1, .n_most = 8}); };
  EXPECT_EQ(best(0.05), 0u);
  EXPECT_GE(best(0.5), 1u);
  EXPECT_EQ(best(0.98), 8u);
  DraftPace dear;  // each row costs as much as a step
  for (std::size_t rows = 1; rows <= 9; ++rows) dear.step_took(rows, static_cast<double>(rows));
  EXPECT_EQ(dear.best({.rate = 0.9, .n_rows = 1, .n_expected = 1, .n_most = 8}), 0u);
  pace.draft_took(2);
  EXPECT_EQ(pace.best({.rate = 0.9, .n_rows = 1, .n_expected = 1, .n_most = 8, .model_drafts = true}), 0u);

  Acceptance rate(0.6);
  EXPECT_DOUBLE_EQ(rate.rate(), 0.6);
  for (int i = 0; i < 20; ++i) rate.judged(0, Acceptance::Ending::kWrong);
  EXPECT_LT(rate.rate(), 0.2);
  for (int i = 0; i < 200; ++i) rate.passed();
  EXPECT_GT(rate.rate(), 0.5) << "some day it is tried again";
  for (int i = 0; i < 20; ++i) rate.judged(4, Acceptance::Ending::kNoMore);
  EXPECT_GT(rate.rate(), 0.9);
}

}  // namespace
}  // namespace hearth::generate
