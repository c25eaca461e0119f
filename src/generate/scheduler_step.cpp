// One step: a token of every running answer and a chunk of one waiting prompt, in one pass through the model.
#include <algorithm>
#include <utility>

#include "generate/scheduler.h"
#include "generate/stream.h"

namespace hearth::generate {

namespace {

/// Keeps the rows until the whole step has succeeded: before, nothing may be drawn.
class LogitRows final : public OutputSink {
 public:
  explicit LogitRows(std::span<Stream* const> streams) : streams_(streams) {}
  void row(std::size_t want_idx, std::span<const float> values) override {
    streams_[want_idx]->logits.assign(values.begin(), values.end());
  }

 private:
  std::span<Stream* const> streams_;
};

}  // namespace

struct Scheduler::Plan {
  std::vector<Stream*> streams;  // of each item
  std::vector<Item> items;
  std::vector<Want> wants;
  std::vector<Stream*> wanting;  // of each want

  void add(Stream& stream, std::size_t n_tokens) {
    const std::size_t end = stream.n_evaluated + n_tokens;
    const auto tokens = std::span<const Token>(stream.history).subspan(stream.n_evaluated, n_tokens);
    items.push_back({.sequence = stream.sequence, .tokens = tokens});
    streams.push_back(&stream);
    if (end < stream.history.size()) return;
    wants.push_back({.item_idx = items.size() - 1, .row = n_tokens - 1});
    wanting.push_back(&stream);
  }
};

Scheduler::Plan Scheduler::plan() {
  Plan plan;
  std::vector<Stream*> prefills;
  for (const auto& stream : streams_) {
    if (stream->prefilling()) {
      prefills.push_back(stream.get());
    } else {
      plan.add(*stream, stream->history.size() - stream->n_evaluated);
    }
  }
  if (prefills.empty()) return plan;
  Stream& stream = *prefills[turn_++ % prefills.size()];
  const std::size_t n_rows = std::max<std::size_t>(1, model_->capabilities().max_rows);
  const std::size_t room = n_rows - std::min(n_rows - 1, plan.items.size());
  std::size_t end = std::min(stream.n_prompt(), stream.n_evaluated + std::min(options_.chunk, room));
  if (stream.checkpoint_at > stream.n_evaluated) end = std::min(end, stream.checkpoint_at);
  plan.add(stream, end - stream.n_evaluated);
  return plan;
}

void Scheduler::step() {
  // A prompt without answers that was there already needs no step of its own.
  Plan now = plan();
  if (!now.items.empty()) run(now);
  std::erase_if(streams_, [](const auto& stream) { return stream->ended; });
}

void Scheduler::run(Plan& plan) {
  LogitRows rows(plan.wanting);
  // Others are never stopped for the sake of one; when nobody wants the step any more it ends between two layers.
  const auto unwanted = [&] {
    return stopping_ ||
           std::ranges::all_of(plan.streams, [](const Stream* stream) { return stream->ticket->cancelled(); });
  };
  std::size_t n_rows = 0;
  for (const Item& item : plan.items) n_rows += item.tokens.size();
  const Status status = model_->evaluate(plan.items, plan.wants, rows, {.cancelled = unwanted, .ubatch = n_rows});
  if (!status && status.error().code == ErrorCode::kCancelled) return;
  if (!status && plan.items.size() > 1) return run_alone(plan);
  if (!status) {
    Stream& stream = *plan.streams.front();
    const auto ticket = stream.ticket;
    if (!ticket->said_) return fail_job(ticket, status.error());
    return finish(stream, FinishReason::kError, status.error().message);
  }
  for (std::size_t i = 0; i < plan.items.size(); ++i) plan.streams[i]->n_evaluated += plan.items[i].tokens.size();
  for (Stream* stream : plan.streams) after_prefill(*stream);
  for (Stream* stream : plan.wanting) draw(*stream);
}

/// A step that failed changed nothing: each goes again by itself, and only who fails then has failed.
void Scheduler::run_alone(Plan& plan) {
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    Stream& stream = *plan.streams[i];
    if (stream.ended) continue;
    Plan alone;
    alone.add(stream, plan.items[i].tokens.size());
    run(alone);
  }
}

/// Progress of a prompt; at its end the other answers begin.
void Scheduler::after_prefill(Stream& stream) {
  if (stream.ended || stream.n_evaluated > stream.n_prompt() || !stream.steps->tokens().empty()) return;
  Ticket& ticket = *stream.ticket;
  if (stream.answer_idx == 0) {
    ticket.say(PromptProgress{.n_done = stream.n_evaluated, .n_all = stream.n_prompt()});
    if (stream.n_evaluated == stream.checkpoint_at) {
      if (const auto copy = cache_.fork(stream.sequence, stream.n_evaluated)) {
        if (stream.job().n > 0) save(stream, stream.held(), *copy);
        cache_.keep(stream.held(), *copy);
      }
    }
  }
  if (stream.prefilling()) return;
  if (stream.answer_idx == 0) {
    ticket.collected_.timings.prefill_s = std::chrono::duration<double>(Clock::now() - *ticket.admitted_).count();
    const std::size_t n_before = streams_.size();
    begin_siblings(stream);
    for (std::size_t i = n_before; i < streams_.size(); ++i) draw(*streams_[i]);
  }
}

void Scheduler::draw(Stream& stream) {
  if (stream.ended) return;
  Ticket& ticket = *stream.ticket;
  if (ticket.job().n == 0) return finish(stream, FinishReason::kMaxTokens);
  auto step = stream.steps->next(stream.logits, stream.history);
  if (!step) {
    if (!ticket.said_) return fail_job(stream.ticket, step.error());
    return finish(stream, FinishReason::kError, step.error().message);
  }
  if (!ticket.first_token_) {
    ticket.first_token_ = Clock::now();
    ticket.collected_.timings.ttft_s = std::chrono::duration<double>(*ticket.first_token_ - ticket.submitted_).count();
  }
  if (step->choice.logprob) ticket.collected_.answers[stream.answer_idx].choices.push_back(std::move(step->choice));
  stream.say(std::move(step->shown));
  if (step->end) return finish(stream, *step->end);
  if (stream.history.size() >= n_ctx_) return finish(stream, FinishReason::kContextFull);
}

}  // namespace hearth::generate
