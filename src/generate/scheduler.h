// The scheduler owns the use of one model: it lets several jobs share every pass through its layers, so that none waits
// for another to end, and gives each the answer that it would have had alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "generate/fair_queue.h"
#include "generate/job.h"
#include "generate/prefix_cache.h"
#include "generate/speculation.h"
#include "hearth/language_model.h"

namespace hearth::generate {

struct SchedulerOptions {
  std::size_t chunk = 256;      // tokens of one waiting prompt in a step: how long running answers may stall
  std::size_t max_running = 8;  // answers at once; fewer where the engine holds fewer sequences
  std::size_t max_queued = 64;  // jobs that wait; more are refused
  std::size_t max_queued_per_principal = 64;
  PrefixCacheOptions cache;
  SpeculationOptions speculation;
};

struct SchedulerState {
  std::size_t n_queued = 0, n_running = 0, n_kept = 0;
  std::uint64_t kept_bytes = 0;
};

struct Stream;

/// One thread works; every member may be called from any thread. Nobody else may use the model's sequences meanwhile.
/// Sampling steps and masks of jobs run on the worker's thread.
class Scheduler {
 public:
  /// Refuses models that give no logits or have no vocabulary.
  static Status accepts(const LanguageModel& model);
  /// Of a model that it accepts, else its refusal.
  static Result<std::unique_ptr<Scheduler>> make(LanguageModel& model, SchedulerOptions options);
  /// Cancels what still runs or waits.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Checks the job and lets it wait for its turn. Refused at once: what cannot fit the context, options that make no
  /// sense, and any job while the queue is full.
  Result<std::shared_ptr<Ticket>> submit(Job job);
  [[nodiscard]] SchedulerState state() const;
  /// Gives up all kept sequences before the next step, and removes this model's sessions on disk.
  void forget();
  /// Runs the task on the worker's thread between two steps, and waits for it.
  void with_cache(const std::function<void(PrefixCache& cache)>& task);
  [[nodiscard]] std::size_t n_ctx() const { return n_ctx_; }

 private:
  struct Waiting {
    std::shared_ptr<Ticket> ticket;
    std::uint32_t answer_idx = 0;
  };
  struct Plan;
  enum class Leaving : std::uint8_t { kKeep, kDrop };
  struct Task {
    const std::function<void(PrefixCache&)>* run;
    std::promise<void> done;
  };

  Scheduler(LanguageModel& model, SchedulerOptions options, Speculation speculation);
  void work();
  void run_tasks();
  void save(const Stream& stream, const CachedText& text, SequenceId sequence);
  void end_everything();
  void reap();
  void admit();
  void begin(Waiting waiting);
  Result<std::unique_ptr<Stream>> make_stream(const Waiting& waiting) const;
  void begin_siblings(Stream& first);
  void step();
  [[nodiscard]] Plan plan();
  void run(Plan& plan);
  void run_alone(Plan& plan);
  void after_prefill(Stream& stream);
  void draw_all(Stream& stream);
  void draw(Stream& stream, std::span<const float> logits);
  bool settle(Stream& stream);
  void read_again(Stream& stream);
  void finish(Stream& stream, FinishReason reason, std::string note = {});
  void fail_job(const std::shared_ptr<Ticket>& ticket, const Error& error);
  void leave(Stream& stream, Leaving leaving);
  static void end_unborn(Ticket& ticket, FinishReason reason);
  void end_waiting(const Waiting& waiting, FinishReason reason);
  void fail_waiting(const Waiting& waiting, const Error& error);
  void close_answer(const std::shared_ptr<Ticket>& ticket);
  void publish();

  LanguageModel* model_;
  SchedulerOptions options_;
  std::size_t n_ctx_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  FairQueue<Waiting> queue_;
  SchedulerState state_;
  bool forget_ = false;
  std::deque<Task> tasks_;
  std::atomic<bool> stopping_ = false;

  // What the worker's thread alone touches.
  PrefixCache cache_;
  Speculation speculation_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::size_t turn_ = 0;  // which prefill goes next

  std::thread worker_;
};

}  // namespace hearth::generate
