// A job: what the scheduler works on. Tokens in, pieces of text out; it knows no messages.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "base/result.h"
#include "generate/prefix_cache.h"
#include "generate/token_mask.h"
#include "generate/token_steps.h"
#include "hearth/reply.h"
#include "hearth/sampling.h"

namespace hearth::generate {

using Clock = std::chrono::steady_clock;

struct Job {
  CachedText prompt;
  SamplerOptions sampling;  // `choice` is set for each answer
  StepOptions steps;
  std::uint32_t n = 1;  // answers; 0: only read the prompt, so that a later job finds it
  std::optional<Clock::time_point> deadline;
  std::optional<std::size_t> attention_layer;     // whose weights come as events
  std::vector<std::shared_ptr<TokenMask>> masks;  // one per answer, or none at all
};

/// One of a job's answers, when it is complete. Its text came in pieces.
struct JobAnswer {
  FinishReason reason = FinishReason::kCancelled;
  std::string stop_string;
  std::vector<Token> tokens;            // everything that was drawn
  std::vector<sample::Choice> choices;  // of each token, when log-probabilities were asked for
  std::size_t n_reasoning = 0;          // tokens
  std::string note;                     // kError: why
};

struct JobResult {
  std::vector<JobAnswer> answers;
  PrefixReuse prompt;
  ReplyTimings timings;
  std::size_t n_drafted = 0, n_accepted = 0;
  std::string speculation;         // how, or why not
  std::vector<std::string> notes;  // what went wrong without harm
};

/// What happens to a job, in order.
struct JobPiece {
  std::size_t answer_idx = 0;
  ShownText shown;
};
struct JobAttention {
  std::size_t answer_idx = 0, layer = 0, n_heads = 0;
  std::vector<float> weights;  // [n_heads][positions]
};
using JobEvent = std::variant<PromptProgress, JobPiece, JobAttention>;

/// A job that was handed in. The caller takes events out at its own pace; the scheduler never waits for it.
class Ticket {
 public:
  explicit Ticket(Job job);

  /// The job ends within one step of the scheduler; what was said is kept. From any thread, any number of times.
  void cancel() { cancelled_ = true; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] const Job& job() const { return job_; }

  /// The next event; nothing when none came in time or none will come.
  std::optional<JobEvent> next(std::chrono::milliseconds patience);
  [[nodiscard]] bool done() const;
  /// Waits for the end. An error means that nothing was said. Once.
  Result<JobResult> result();

 private:
  friend class Scheduler;
  friend struct Stream;
  void say(JobEvent event);
  void finish(Result<JobResult> result);

  const Job job_;
  std::atomic<bool> cancelled_ = false;
  const Clock::time_point submitted_ = Clock::now();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t n_attention_ = 0;  // events of this kind that wait
  std::deque<JobEvent> events_;  // pieces of the same answer are joined while nobody takes them
  std::optional<Result<JobResult>> result_;

  // What the scheduler's thread alone touches.
  JobResult collected_;
  std::size_t n_open_ = 0;  // answers that are not complete
  bool said_ = false;
  std::optional<Clock::time_point> admitted_, first_token_;
};

}  // namespace hearth::generate
