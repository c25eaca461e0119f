// Who comes in, who goes out. What a step computes is in scheduler_step.cpp.
#include "generate/scheduler.h"

#include <algorithm>
#include <utility>

#include "generate/stream.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

bool late(const Ticket& ticket, Clock::time_point now) {
  return ticket.job().deadline && now >= *ticket.job().deadline;
}

/// Where the last message begins: what stands before is still the prompt's when that message is edited or answered
/// anew.
std::size_t last_message_begin(const CachedText& prompt) {
  for (auto mark = prompt.marks.rbegin(); mark != prompt.marks.rend(); ++mark) {
    if (mark->message_idx) return mark->token_begin < prompt.tokens.size() ? mark->token_begin : 0;
  }
  return 0;
}

}  // namespace

Status Scheduler::accepts(const LanguageModel& model) {
  const Capabilities& can = model.capabilities();
  if (can.kind == Capabilities::Kind::kEncoder || can.logits == Capabilities::Logits::kNone)
    return fail(ErrorCode::kUnsupportedModel,
                "this is an embedding model, which writes no text; use one that generates");
  if (can.logits == Capabilities::Logits::kTopN)
    return fail(ErrorCode::kUnsupportedModel,
                "this engine gives no full logits, which sampling needs; use another one");
  if (!model.vocabulary())
    return fail(ErrorCode::kUnsupportedModel, "the model carries no tokenizer, so its tokens cannot become text");
  return {};
}

Result<std::unique_ptr<Scheduler>> Scheduler::make(LanguageModel& model, SchedulerOptions options) {
  HEARTH_CHECK(accepts(model));
  if (options.chunk == 0 || options.max_running == 0)
    return fail(ErrorCode::kInvalidArgument, "scheduler: chunk and max_running are 0, expected at least 1");
  HEARTH_TRY(Speculation speculation, Speculation::make(model, options.speculation, options.cache));
  return std::unique_ptr<Scheduler>(new Scheduler(model, std::move(options), std::move(speculation)));
}

Scheduler::Scheduler(LanguageModel& model, SchedulerOptions options, Speculation speculation)
    : model_(&model),
      options_(std::move(options)),
      cache_(model, options_.cache),
      speculation_(std::move(speculation)) {
  const Capabilities& can = model.capabilities();
  // Every running answer needs a sequence, and a row in every step.
  options_.max_running = std::min(
      {options_.max_running, std::max<std::size_t>(1, can.max_sequences), std::max<std::size_t>(1, can.max_rows)});
  n_ctx_ = options_.cache.sequence.n_ctx ? options_.cache.sequence.n_ctx : model.info().n_ctx_train;
  worker_ = std::thread([this] { work(); });
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  worker_.join();
}

Result<std::shared_ptr<Ticket>> Scheduler::submit(Job job) {
  const std::size_t n_prompt = job.prompt.tokens.size();
  if (n_prompt == 0) return fail(ErrorCode::kInvalidArgument, "there is nothing to answer: the prompt has no tokens");
  if (n_prompt > n_ctx_) {
    return fail(ErrorCode::kContextFull, fmt::format("the prompt has {} tokens, but the context has {} positions; "
                                                     "shorten it or make a longer context",
                                                     n_prompt, n_ctx_));
  }
  if (!job.masks.empty() && job.masks.size() != job.n)
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} token masks for {} answers", job.masks.size(), job.n));
  HEARTH_CHECK(sample::Sampler::make(job.sampling, static_cast<std::int32_t>(model_->info().vocab_size)));
  HEARTH_CHECK(StopMatcher::make(job.steps.stop));
  auto ticket = std::make_shared<Ticket>(std::move(job));
  const std::string& principal = ticket->job().prompt.principal;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.max_queued || queue_.size_of(principal) >= options_.max_queued_per_principal) {
      return fail(ErrorCode::kBusy,
                  fmt::format("{} requests wait already, {} of them from the same principal; at most {} and "
                              "{} may wait: try again later",
                              queue_.size(), queue_.size_of(principal), options_.max_queued,
                              options_.max_queued_per_principal));
    }
    queue_.push(principal, {.ticket = ticket, .answer_idx = 0});
    state_.n_queued = queue_.size();
  }
  wake_.notify_all();
  return ticket;
}

SchedulerState Scheduler::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Scheduler::forget() {
  {
    const std::lock_guard lock(mutex_);
    forget_ = true;
  }
  wake_.notify_all();
}

void Scheduler::with_cache(const std::function<void(PrefixCache&)>& task) {
  std::future<void> done;
  {
    const std::lock_guard lock(mutex_);
    done = tasks_.emplace_back(Task{.run = &task, .done = {}}).done.get_future();
  }
  wake_.notify_all();
  done.wait();
}

void Scheduler::run_tasks() {
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) {
    (*task.run)(cache_);
    task.done.set_value();
  }
}

void Scheduler::work() {
  while (true) {
    bool forget = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || forget_ || !tasks_.empty() || !queue_.empty() || !streams_.empty(); });
      if (stopping_) break;
      forget = std::exchange(forget_, false);
    }
    if (forget) {
      cache_.clear();
      cache_.remove_saved();
    }
    run_tasks();
    reap();
    admit();
    step();
    publish();
  }
  end_everything();
}

void Scheduler::publish() {
  const auto n_running = std::ranges::count_if(streams_, [](const auto& stream) { return !stream->ended; });
  const std::lock_guard lock(mutex_);
  state_ = {.n_queued = queue_.size(),
            .n_running = static_cast<std::size_t>(n_running),
            .n_kept = cache_.n_kept(),
            .kept_bytes = cache_.bytes()};
}

void Scheduler::end_everything() {
  std::deque<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = queue_.take_if([](const Waiting&) { return true; });
  }
  for (const auto& stream : streams_) finish(*stream, FinishReason::kCancelled);
  for (const Waiting& one : waiting) end_waiting(one, FinishReason::kCancelled);
  streams_.clear();
  run_tasks();
  cache_.clear();
}

/// Ends what was cancelled and what is late, wherever it is.
void Scheduler::reap() {
  const auto now = Clock::now();
  std::deque<Waiting> gone;
  {
    const std::lock_guard lock(mutex_);
    gone = queue_.take_if(
        [&](const Waiting& waiting) { return waiting.ticket->cancelled() || late(*waiting.ticket, now); });
  }
  for (const Waiting& waiting : gone)
    end_waiting(waiting, waiting.ticket->cancelled() ? FinishReason::kCancelled : FinishReason::kDeadline);
  for (const auto& stream : streams_) {
    if (stream->ended) continue;
    if (stream->ticket->cancelled()) {
      finish(*stream, FinishReason::kCancelled);
    } else if (late(*stream->ticket, now)) {
      finish(*stream, FinishReason::kDeadline);
    }
  }
  std::erase_if(streams_, [](const auto& stream) { return stream->ended; });
}

void Scheduler::admit() {
  while (streams_.size() < options_.max_running) {
    std::optional<Waiting> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting = queue_.pop();
    }
    if (!waiting) return;
    begin(std::move(*waiting));
  }
}

Result<std::unique_ptr<Stream>> Scheduler::make_stream(const Waiting& waiting) const {
  const Job& job = waiting.ticket->job();
  SamplerOptions sampling = job.sampling;
  sampling.choice = waiting.answer_idx;
  HEARTH_TRY(auto sampler,
             sample::Sampler::make(std::move(sampling), static_cast<std::int32_t>(model_->info().vocab_size)));
  auto stream = std::make_unique<Stream>(waiting.ticket, waiting.answer_idx, std::move(sampler));
  HEARTH_TRY(TokenSteps steps,
             TokenSteps::make(*model_->vocabulary(), stream->sampler, stream->sampler.start(), job.steps));
  stream->steps.emplace(std::move(steps));
  stream->steps->read(job.prompt.tokens);
  if (!job.masks.empty()) stream->steps->constrain(job.masks[waiting.answer_idx]);
  stream->history = job.prompt.tokens;
  return stream;
}

void Scheduler::begin(Waiting waiting) {
  auto stream = make_stream(waiting);
  if (!stream) return fail_waiting(waiting, stream.error());
  auto lent = cache_.lend(waiting.ticket->job().prompt);
  if (!lent) return fail_waiting(waiting, lent.error());
  Stream& one = **stream;
  one.sequence = lent->sequence;
  one.n_evaluated = one.n_held = lent->reuse.n_reused;
  speculation_.begin(one);
  Ticket& ticket = *waiting.ticket;
  if (!ticket.admitted_) {
    ticket.admitted_ = Clock::now();
    ticket.collected_.timings.queue_s = seconds(ticket.submitted_, *ticket.admitted_);
    ticket.collected_.prompt = std::move(lent->reuse);
    ticket.collected_.notes = std::move(lent->notes);
    ticket.say(PromptProgress{.n_done = one.n_evaluated, .n_all = one.n_prompt()});
  }
  // A state that cannot go back is worth a copy where conversations part.
  const Capabilities& can = model_->capabilities();
  const bool goes_back = can.rewind == Capabilities::Rewind::kAny;
  if (can.fork && !goes_back && waiting.answer_idx == 0) one.checkpoint_at = last_message_begin(ticket.job().prompt);
  streams_.push_back(std::move(*stream));
}

/// The other answers to the same prompt go on from the state of the first; those that find no room wait.
void Scheduler::begin_siblings(Stream& first) {
  std::vector<Waiting> left;
  for (std::uint32_t i = 1; i < first.job().n; ++i) {
    Waiting waiting{.ticket = first.ticket, .answer_idx = i};
    auto stream = streams_.size() < options_.max_running ? make_stream(waiting) : fail(ErrorCode::kInternal, "no room");
    auto sequence = stream ? cache_.fork(first.sequence, first.n_evaluated) : std::unexpected(stream.error());
    if (!sequence) {
      left.push_back(std::move(waiting));
      continue;
    }
    (*stream)->sequence = *sequence;
    (*stream)->n_evaluated = (*stream)->n_held = first.n_evaluated;
    (*stream)->rows = first.rows;
    (*stream)->attention = first.attention;
    (*stream)->n_attention_heads = first.n_attention_heads;
    speculation_.begin(**stream);
    streams_.push_back(std::move(*stream));
  }
  const std::lock_guard lock(mutex_);
  for (auto waiting = left.rbegin(); waiting != left.rend(); ++waiting)
    queue_.push_front(first.job().prompt.principal, std::move(*waiting));
}

/// The answers after the first begin when the prompt has been read; if it never is, they end with the first.
void Scheduler::end_unborn(Ticket& ticket, FinishReason reason) {
  for (JobAnswer& answer : ticket.collected_.answers) answer.reason = reason;
  ticket.n_open_ = 1;
}

void Scheduler::end_waiting(const Waiting& waiting, FinishReason reason) {
  Ticket& ticket = *waiting.ticket;
  if (waiting.answer_idx == 0) {
    end_unborn(ticket, reason);
  } else {
    ticket.collected_.answers[waiting.answer_idx].reason = reason;
  }
  close_answer(waiting.ticket);
}

/// An error before anything was said is the job's; afterwards the answer is cut short.
void Scheduler::fail_waiting(const Waiting& waiting, const Error& error) {
  if (!waiting.ticket->said_) return fail_job(waiting.ticket, error);
  if (waiting.answer_idx < waiting.ticket->collected_.answers.size())
    waiting.ticket->collected_.answers[waiting.answer_idx].note = error.message;
  end_waiting(waiting, FinishReason::kError);
}

void Scheduler::finish(Stream& stream, FinishReason reason, std::string note) {
  if (stream.ended) return;
  if (!stream.steps->tokens().empty()) stream.say(stream.steps->finish());
  if (stream.answer_idx < stream.ticket->collected_.answers.size()) {
    JobAnswer& answer = stream.ticket->collected_.answers[stream.answer_idx];
    answer.reason = reason;
    answer.tokens = stream.steps->tokens();
    answer.n_reasoning = stream.steps->n_reasoning();
    answer.note = std::move(note);
    if (const std::string* stop = stream.steps->stop_string()) answer.stop_string = *stop;
  }
  const auto ticket = stream.ticket;
  const bool whole = settle(stream);
  if (stream.answer_idx == 0) ticket->collected_.speculation = speculation_.told(stream);
  if (whole && !stream.steps->tokens().empty()) save(stream, stream.held(), stream.sequence);
  if (stream.answer_idx == 0 && stream.prefilling() && stream.steps->tokens().empty()) end_unborn(*ticket, reason);
  leave(stream, whole ? Leaving::kKeep : Leaving::kDrop);
  close_answer(ticket);
}

/// To disk, if sessions are kept there; what goes wrong is told in the receipt.
void Scheduler::save(const Stream& stream, const CachedText& text, SequenceId sequence) {
  for (std::string& note : cache_.save(text, sequence)) stream.ticket->collected_.notes.push_back(std::move(note));
}

/// Ends all answers of a job with an error: nothing was said yet.
void Scheduler::fail_job(const std::shared_ptr<Ticket>& ticket, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    queue_.take_if([&](const Waiting& waiting) { return waiting.ticket == ticket; });
  }
  for (const auto& stream : streams_) {
    if (stream->ticket == ticket) leave(*stream, Leaving::kDrop);
  }
  if (ticket->n_open_ == 0) return;
  ticket->n_open_ = 0;
  ticket->finish(std::unexpected(error));
}

void Scheduler::leave(Stream& stream, Leaving leaving) {
  if (std::exchange(stream.ended, true)) return;
  speculation_.end(stream);
  if (leaving == Leaving::kKeep) {
    cache_.keep(stream.held(), stream.sequence);
  } else {
    cache_.drop(stream.sequence);
  }
}

void Scheduler::close_answer(const std::shared_ptr<Ticket>& ticket) {
  if (ticket->n_open_ == 0 || --ticket->n_open_ > 0) return;
  const auto now = Clock::now();
  if (!ticket->admitted_) ticket->collected_.timings.queue_s = seconds(ticket->submitted_, now);
  if (ticket->first_token_) ticket->collected_.timings.decode_s = seconds(*ticket->first_token_, now);
  publish();  // before the caller wakes: what it sees then includes its own end
  ticket->finish(std::move(ticket->collected_));
}

}  // namespace hearth::generate
