// The scheduler on the fake engine: answers in company are the answers alone, whatever is cancelled, late or broken.
#include "generate/scheduler.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "fake_helpers.h"
#include "generate/text_loop.h"

namespace hearth::generate {
namespace {

using fake::FakeModel;
using fake::Script;
using std::chrono::milliseconds;

Job job_of(std::string_view prompt, std::size_t max_tokens, std::uint64_t seed = 1, std::string principal = "") {
  Job job;
  job.prompt = {.principal = std::move(principal), .tokens = bytes(prompt), .marks = {}};
  job.sampling.seed = seed;
  job.steps.max_tokens = max_tokens;
  job.steps.end_tokens = EndTokens::kIgnore;
  return job;
}

std::unique_ptr<Scheduler> make(FakeModel& model, SchedulerOptions options = {}) {
  auto scheduler = Scheduler::make(model, options);
  EXPECT_TRUE(scheduler) << scheduler.error().message;
  return std::move(*scheduler);
}

std::vector<Token> alone(const Job& job) {
  FakeModel model{Script{}};
  TextLoopOptions options{.sampling = job.sampling,
                          .max_tokens = job.steps.max_tokens,
                          .stop = job.steps.stop,
                          .end_tokens = job.steps.end_tokens};
  auto loop = TextLoop::make(model, {}, options);
  return loop->complete(job.prompt.tokens, {})->tokens;
}

Job random_job(std::mt19937& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  std::string prompt(1 + below(90), 'a');
  for (char& c : prompt) c = static_cast<char>('a' + below(3));
  return job_of(prompt, 1 + below(24), random(), std::string(1, static_cast<char>('A' + below(3))));
}

TEST(Scheduler, AnswersInCompanyAreTheAnswersAlone) {
  for (const auto rewind : {Capabilities::Rewind::kAny, Capabilities::Rewind::kWindow,
                            Capabilities::Rewind::kCheckpoint, Capabilities::Rewind::kNone}) {
    for (const std::size_t n_sequences_held : {1u, 3u, 64u}) {
      Script script;
      script.capabilities.rewind = rewind;
      script.capabilities.max_sequences = n_sequences_held;
      FakeModel model(script);
      const auto scheduler = make(model, {.chunk = 16, .max_running = 6});
      std::mt19937 random(7);
      std::vector<Job> jobs;
      std::vector<std::shared_ptr<Ticket>> tickets;
      for (int i = 0; i < 40; ++i) {
        jobs.push_back(random_job(random));
        tickets.push_back(*scheduler->submit(jobs.back()));
      }
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto result = tickets[i]->result();
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->answers.at(0).tokens, alone(jobs[i])) << i;
      }
    }
  }
}

TEST(Scheduler, RunningAnswersNeverWaitLongerThanOneChunk) {
  FakeModel model{Script{}};
  const auto scheduler = make(model, {.chunk = 10, .max_running = 4});
  const auto talker = *scheduler->submit(job_of("talk", 200));
  const auto reader = *scheduler->submit(job_of(std::string(900, 'x'), 1));
  ASSERT_TRUE(reader->result());
  EXPECT_GE(model.counts().n_evaluate, 90u) << "900 tokens in chunks of 10";
  ASSERT_TRUE(talker->result());
  EXPECT_EQ(model.counts().n_tokens, 4u + 199u + 900u);
}

TEST(Scheduler, ThousandsOfCancelsLeaveNothingAndChangeNothing) {
  const char* const asked = std::getenv("HEARTH_TEST_CANCELS");
  const int n_cancels = asked ? std::atoi(asked) : 300;
  for (const std::uint64_t kept_bytes : {std::uint64_t{0}, std::uint64_t{4096}}) {
    Script script;
    script.delay_per_call = std::chrono::microseconds(20);
    FakeModel model(script);
    const auto scheduler = make(
        model, {.chunk = 8, .max_running = 5, .max_queued = 1000, .cache = {.max_bytes = kept_bytes, .sequence = {}}});
    std::mt19937 random(3);
    for (int done = 0; done < n_cancels;) {
      std::vector<std::pair<Job, std::shared_ptr<Ticket>>> round;
      for (int i = 0; i < 12; ++i) {
        Job job = random_job(random);
        job.n = 1 + random() % 3;
        auto ticket = *scheduler->submit(job);
        round.emplace_back(std::move(job), std::move(ticket));
      }
      for (std::size_t i = 0; i < round.size(); ++i) {
        if (i % 4 == 0) continue;
        if (random() % 2) std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
        round[i].second->cancel();
        ++done;
      }
      for (std::size_t i = 0; i < round.size(); ++i) {
        const auto result = round[i].second->result();
        ASSERT_TRUE(result) << result.error().message;
        const std::vector<Token> whole = alone(round[i].first), &said = result->answers.at(0).tokens;
        ASSERT_LE(said.size(), whole.size());
        EXPECT_TRUE(std::equal(said.begin(), said.end(), whole.begin()))
            << "what was said is a beginning of the answer";
        if (i % 4 == 0) {
          EXPECT_EQ(said, whole);
        }
      }
      const auto probe = random_job(random);
      EXPECT_EQ((*scheduler->submit(probe))->result()->answers.at(0).tokens, alone(probe));
      EXPECT_EQ(scheduler->state().n_running, 0u);
      EXPECT_EQ(n_sequences(model), scheduler->state().n_kept);
      if (kept_bytes == 0) {
        EXPECT_EQ(n_sequences(model), 0u);
      }
    }
  }
}

TEST(Scheduler, CancelFreesTheSequenceWithinOneStep) {
  Script script;
  script.delay_per_call = std::chrono::milliseconds(2);
  FakeModel model(script);
  const auto scheduler = make(model, {.max_running = 1, .cache = {.max_bytes = 0, .sequence = {}}});
  const auto running = *scheduler->submit(job_of("on and on", 4000));
  const auto waiting = *scheduler->submit(job_of("queued", 5));
  while (model.counts().n_evaluate < 3) std::this_thread::yield();
  waiting->cancel();
  EXPECT_EQ(waiting->result()->answers[0].reason, FinishReason::kCancelled);
  running->cancel();
  const std::size_t n_before = model.counts().n_evaluate;
  EXPECT_EQ(running->result()->answers[0].reason, FinishReason::kCancelled);
  EXPECT_LE(model.counts().n_evaluate, n_before + 1);
  EXPECT_EQ(n_sequences(model), 0u);
}

TEST(Scheduler, PrincipalsTakeTurns) {
  FairQueue<int> queue;
  for (int i = 0; i < 4; ++i) queue.push("greedy", i);
  queue.push("modest", 10);
  queue.push("shy", 20);
  std::vector<int> order;
  while (const auto item = queue.pop()) order.push_back(*item);
  EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 1, 2, 3}));
  EXPECT_TRUE(queue.empty());
  queue.push("a", 1);
  queue.push("b", 2);
  queue.push_front("b", 3);
  EXPECT_EQ(queue.take_if([](int item) { return item == 2; }), std::deque<int>{2});
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_EQ(queue.size_of("a"), 1u);
}

TEST(Scheduler, AFullQueueRefusesInWords) {
  Script script;
  script.delay_per_call = std::chrono::milliseconds(1);
  FakeModel model(script);
  const auto scheduler = make(model, {.max_running = 1, .max_queued = 3, .max_queued_per_principal = 2});
  const auto running = *scheduler->submit(job_of("long", 4000));
  while (scheduler->state().n_running == 0 && model.counts().n_evaluate == 0) std::this_thread::yield();
  std::vector<std::shared_ptr<Ticket>> waiting;
  waiting.push_back(*scheduler->submit(job_of("1", 1, 1, "a")));
  waiting.push_back(*scheduler->submit(job_of("2", 1, 1, "a")));
  const auto too_many = scheduler->submit(job_of("3", 1, 1, "a"));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, ErrorCode::kBusy);
  EXPECT_NE(too_many.error().message.find("2 requests wait already"), std::string::npos) << too_many.error().message;
  waiting.push_back(*scheduler->submit(job_of("4", 1, 1, "b")));
  EXPECT_FALSE(scheduler->submit(job_of("5", 1, 1, "c")));
  running->cancel();
  for (const auto& ticket : waiting) EXPECT_EQ(ticket->result()->answers[0].reason, FinishReason::kMaxTokens);
}

TEST(Scheduler, DeadlinesHoldInTheQueueAndInTheAnswer) {
  Script script;
  script.delay_per_call = std::chrono::milliseconds(1);
  FakeModel model(script);
  const auto scheduler = make(model, {.max_running = 1});
  Job talking = job_of("talk", 4000), waiting = job_of("wait", 10);
  talking.deadline = Clock::now() + milliseconds(300);
  waiting.deadline = Clock::now() + milliseconds(10);
  waiting.n = 3;
  const auto first = *scheduler->submit(talking), second = *scheduler->submit(waiting);
  const auto late = second->result(), cut = first->result();
  EXPECT_EQ(late->answers.at(2).reason, FinishReason::kDeadline);
  EXPECT_TRUE(late->answers.at(0).tokens.empty());
  EXPECT_EQ(cut->answers.at(0).reason, FinishReason::kDeadline);
  EXPECT_FALSE(cut->answers.at(0).tokens.empty()) << "what was said is kept";
}

TEST(Scheduler, OnlyTheCulpritFails) {
  Script script;
  script.expect = bytes("a");  // a prompt that begins otherwise breaks every step it is part of
  script.delay_per_call = std::chrono::microseconds(200);
  FakeModel model(script);
  const auto scheduler = make(model);
  std::vector<Job> jobs;
  std::vector<std::shared_ptr<Ticket>> tickets;
  for (const char* prompt : {"abc", "a long one", "bad", "another"}) {
    jobs.push_back(job_of(prompt, 60));
    tickets.push_back(*scheduler->submit(jobs.back()));
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto result = tickets[i]->result();
    if (i == 2) {
      ASSERT_FALSE(result);
      EXPECT_NE(result.error().message.find("expects token"), std::string::npos);
    } else {
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->answers[0].tokens, alone(jobs[i]));
    }
  }
}

TEST(Scheduler, AnErrorInMidReplyKeepsWhatWasSaid) {
  Script script;
  script.replies.push_back({bytes("Q"), bytes("0123456789")});
  script.failures.push_back({fake::Failure::Call::kEvaluate, 4, {ErrorCode::kIo, "the cable is out"}});
  FakeModel model(script);
  const auto scheduler = make(model);
  Job job = job_of("Q", 0);
  job.sampling.temperature = 0;
  const auto result = (*scheduler->submit(job))->result();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->answers[0].reason, FinishReason::kError);
  EXPECT_EQ(result->answers[0].note, "the cable is out");
  EXPECT_EQ(result->answers[0].tokens, bytes("012"));
}

TEST(Scheduler, ManyRequestsOfOneDoNotHoldUpAnother) {
  Script script;
  script.delay_per_call = std::chrono::microseconds(300);
  FakeModel model(script);
  const auto scheduler = make(model, {.max_running = 1});
  std::vector<std::shared_ptr<Ticket>> greedy;
  for (int i = 0; i < 20; ++i)
    greedy.push_back(*scheduler->submit(job_of("mine " + std::to_string(i), 200, 1, "greedy")));
  const auto modest = *scheduler->submit(job_of("please", 2, 1, "modest"));
  ASSERT_TRUE(modest->result());
  EXPECT_FALSE(greedy.back()->done());
  EXPECT_GT(scheduler->state().n_queued, 5u);
}

TEST(Scheduler, SeveralAnswersShareThePrompt) {
  for (const std::size_t max_running : {1u, 2u, 8u}) {
    FakeModel model{Script{}};
    const auto scheduler = make(model, {.max_running = max_running});
    Job job = job_of("a prompt for many", 12, 5);
    job.n = 4;
    const auto result = (*scheduler->submit(job))->result();
    ASSERT_TRUE(result);
    for (std::uint32_t i = 0; i < 4; ++i) {
      Job one = job;
      one.sampling.choice = i;
      EXPECT_EQ(result->answers.at(i).tokens, alone(one)) << i;
    }
    EXPECT_NE(result->answers[0].tokens, result->answers[1].tokens);
    EXPECT_LE(model.counts().n_tokens, 17 + 4 * 12 + 3u) << "the prompt is read once";
  }
}

TEST(Scheduler, SecretsOfOneAreNeverReusedForAnother) {
  FakeModel model{Script{}};
  const auto scheduler = make(model, {.chunk = 16, .max_running = 8});
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::pair<Job, std::shared_ptr<Ticket>>> jobs;
    for (int i = 0; i < 8; ++i) {
      Job job =
          job_of("the same beginning, secret " + std::to_string(random() % 4), 6, random(), "key " + std::to_string(i));
      auto ticket = *scheduler->submit(job);
      if (random() % 10 < 3) ticket->cancel();
      jobs.emplace_back(std::move(job), std::move(ticket));
    }
    for (auto& [job, ticket] : jobs) {
      const auto result = ticket->result();
      ASSERT_TRUE(result);
      if (!ticket->cancelled()) {
        EXPECT_EQ(result->answers[0].tokens, alone(job));
      }
      if (round == 0) {
        EXPECT_EQ(result->prompt.n_reused, 0u) << "another's prompt begins the same";
      }
    }
  }
}

TEST(Scheduler, PrimingReadsAheadAndTheAnswerIsTheSame) {
  FakeModel model{Script{}};
  const auto scheduler = make(model);
  Job ahead = job_of("what I have typed so far", 0);
  ahead.n = 0;
  ASSERT_TRUE((*scheduler->submit(ahead))->result());
  const Job whole = job_of("what I have typed so far, and the rest", 8);
  const auto result = (*scheduler->submit(whole))->result();
  EXPECT_EQ(result->prompt.n_reused, 24u);
  EXPECT_EQ(result->answers[0].tokens, alone(whole));
}

TEST(Scheduler, EventsComeInOrderAndASlowReaderHindersNobody) {
  Script script;
  script.replies.push_back({bytes("Q"), bytes("an answer that is long enough")});
  FakeModel model(script);
  const auto scheduler = make(model, {.chunk = 4});
  Job job = job_of("a question: Q", 0);
  job.sampling.temperature = 0;
  job.steps.end_tokens = EndTokens::kStop;
  const auto slow = *scheduler->submit(job), quick = *scheduler->submit(job);
  ASSERT_TRUE(quick->result()) << "while nobody reads from the other";
  std::size_t n_done = 0;
  std::string text;
  while (!slow->done()) {
    const auto event = slow->next(milliseconds(100));
    if (!event) continue;
    if (const auto* progress = std::get_if<PromptProgress>(&*event)) {
      EXPECT_TRUE(text.empty());
      EXPECT_GE(progress->n_done, n_done);
      EXPECT_EQ(progress->n_all, 13u);
      n_done = progress->n_done;
    } else {
      EXPECT_EQ(n_done, 13u);
      text += std::get<JobPiece>(*event).shown.answer;
    }
  }
  EXPECT_EQ(text, "an answer that is long enough");
  EXPECT_EQ(slow->result()->answers[0].reason, FinishReason::kStop);
}

TEST(Scheduler, WhatMakesNoSenseIsRefusedAtOnce) {
  FakeModel model{Script{}};
  const auto scheduler = make(model);
  EXPECT_FALSE(scheduler->submit(job_of("", 1)));
  EXPECT_EQ(scheduler->submit(job_of(std::string(5000, 'x'), 1)).error().code, ErrorCode::kContextFull);
  Job bad = job_of("x", 1);
  bad.sampling.top_p = 7;
  EXPECT_FALSE(scheduler->submit(bad));
  Script encoder;
  encoder.capabilities.kind = Capabilities::Kind::kEncoder;
  FakeModel embeds(encoder);
  EXPECT_FALSE(Scheduler::make(embeds, {}));
}

TEST(Scheduler, TheEndOfTheSchedulerEndsEverything) {
  Script script;
  script.delay_per_call = std::chrono::milliseconds(1);
  FakeModel model(script);
  auto scheduler = make(model, {.max_running = 2});
  std::vector<std::shared_ptr<Ticket>> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(*scheduler->submit(job_of("go on " + std::to_string(i), 4000)));
  scheduler.reset();
  for (const auto& ticket : tickets) EXPECT_EQ(ticket->result()->answers[0].reason, FinishReason::kCancelled);
  EXPECT_EQ(n_sequences(model), 0u);
}

}  // namespace
}  // namespace hearth::generate
