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
  explicit LogitRows(std::span<std::vector<float>* const> rows) : rows_(rows) {}
  void row(std::size_t want_idx, std::span<const float> values) override {
    rows_[want_idx]->assign(values.begin(), values.end());
  }

 private:
  std::span<std::vector<float>* const> rows_;
};

}  // namespace

struct Scheduler::Plan {
  std::vector<Stream*> streams;  // of each item
  std::vector<Item> items;
  std::vector<Want> wants;
  std::vector<std::vector<float>*> rows;  // of each want
  std::vector<Stream*> wanting;           // in the order of their wants
  std::size_t n_drafted = 0;
  bool reads_prompt = false;

  /// The stream's next tokens, and its guesses after them.
  void add(Stream& stream, std::size_t n_tokens) {
    const std::size_t end = stream.n_evaluated + n_tokens;
    auto tokens = std::span<const Token>(stream.history).subspan(stream.n_evaluated, n_tokens);
    if (!stream.drafted.empty()) {
      stream.fed.assign(tokens.begin(), tokens.end());
      stream.fed.insert(stream.fed.end(), stream.drafted.begin(), stream.drafted.end());
      tokens = stream.fed;
      n_drafted += stream.drafted.size();
    }
    items.push_back({.sequence = stream.sequence, .tokens = tokens});
    streams.push_back(&stream);
    if (end < stream.history.size()) return;
    stream.rows.resize(1 + stream.drafted.size());
    for (std::size_t i = 0; i < stream.rows.size(); ++i) {
      wants.push_back({.item_idx = items.size() - 1, .row = n_tokens - 1 + i});
      rows.push_back(&stream.rows[i]);
    }
    wanting.push_back(&stream);
  }

  /// Attention weights for those that asked for them.
  void observe(EvaluateOptions& options) {
    for (const Stream* stream : wanting) {
      if (stream->job().attention_layer) options.observe_attention.layers.push_back(*stream->job().attention_layer);
    }
    if (options.observe_attention.layers.empty()) return;
    options.observe_attention.see = [this](std::size_t layer, std::size_t row, std::size_t n_heads,
                                           std::span<const float> weights) {
      std::size_t end = 0;
      for (std::size_t i = 0; i < items.size(); ++i) {
        end += items[i].tokens.size();
        if (row + 1 != end || streams[i]->job().attention_layer != layer) continue;
        streams[i]->attention.assign(weights.begin(), weights.end());
        streams[i]->n_attention_heads = n_heads;
      }
    };
  }
};

Scheduler::Plan Scheduler::plan() {
  Plan plan;
  std::vector<Stream*> prefills, running;
  for (const auto& stream : streams_) {
    stream->drafted.clear();
    (stream->prefilling() ? prefills : running).push_back(stream.get());
  }
  // Guesses are part of the chunk, so that they hold up nobody either.
  const std::size_t n_rows = std::max<std::size_t>(1, model_->capabilities().max_rows);
  const std::size_t n_spare = n_rows - std::min(n_rows, running.size() + !prefills.empty());
  speculation_.draft(running, std::min(n_spare, prefills.empty() ? options_.chunk : options_.chunk / 2), n_ctx_);
  for (Stream* stream : running) plan.add(*stream, stream->history.size() - stream->n_evaluated);
  if (prefills.empty()) return plan;
  speculation_.read_along(prefills, options_.chunk);
  plan.reads_prompt = true;
  Stream& stream = *prefills[turn_++ % prefills.size()];
  const std::size_t n_taken = running.size() + plan.n_drafted;
  const std::size_t room = std::min(n_rows - std::min(n_rows - 1, n_taken), options_.chunk - plan.n_drafted);
  std::size_t end = std::min(stream.n_prompt(), stream.n_evaluated + room);
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
  LogitRows rows(plan.rows);
  // Others are never stopped for the sake of one; when nobody wants the step any more it ends between two layers.
  const auto unwanted = [&] {
    return stopping_ ||
           std::ranges::all_of(plan.streams, [](const Stream* stream) { return stream->ticket->cancelled(); });
  };
  std::size_t n_rows = 0;
  for (const Item& item : plan.items) n_rows += item.tokens.size();
  EvaluateOptions options{.cancelled = unwanted, .observe_layer = {}, .ubatch = n_rows};
  plan.observe(options);
  const auto start = Clock::now();
  const Status status = model_->evaluate(plan.items, plan.wants, rows, options);
  if (!status && status.error().code == ErrorCode::kCancelled) return;
  if (!status && (plan.items.size() > 1 || plan.n_drafted > 0)) return run_alone(plan);
  if (!status) {
    Stream& stream = *plan.streams.front();
    const auto ticket = stream.ticket;
    if (!ticket->said_) return fail_job(ticket, status.error());
    return finish(stream, FinishReason::kError, status.error().message);
  }
  if (!plan.reads_prompt) speculation_.step_took(n_rows, std::chrono::duration<double>(Clock::now() - start).count());
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    Stream& stream = *plan.streams[i];
    stream.n_held += plan.items[i].tokens.size();
    stream.n_evaluated = stream.n_held - stream.drafted.size();
  }
  for (Stream* stream : plan.streams) after_prefill(*stream);
  for (Stream* stream : plan.wanting) draw_all(*stream);
}

/// A step that failed changed nothing: each goes again by itself, without guesses, and only who fails then has failed.
void Scheduler::run_alone(Plan& plan) {
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    Stream& stream = *plan.streams[i];
    if (stream.ended) continue;
    Plan alone;
    alone.reads_prompt = plan.reads_prompt;
    const std::size_t n_tokens = plan.items[i].tokens.size() - stream.drafted.size();
    stream.drafted.clear();
    alone.add(stream, n_tokens);
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
    for (std::size_t i = n_before; i < streams_.size(); ++i) draw(*streams_[i], streams_[i]->rows[0]);
  }
}

/// Draws what follows the evaluated text, and goes on as long as the guesses are what was drawn.
void Scheduler::draw_all(Stream& stream) {
  if (stream.ended) return;
  stream.n_right = 0;
  stream.ticket->collected_.n_drafted += stream.drafted.size();
  while (true) {
    const std::size_t n_right = stream.n_right;
    draw(stream, stream.rows[n_right]);
    if (stream.ended) return;
    if (stream.n_right == n_right || stream.ticket->cancelled()) break;
    ++stream.n_evaluated;
  }
  if (stream.drafted.empty()) return;
  const bool wrong = stream.n_right < stream.drafted.size() && !stream.ticket->cancelled();
  speculation_.judged(stream, stream.n_right, wrong ? Acceptance::Ending::kWrong : Acceptance::Ending::kNoMore);
  if (!settle(stream)) read_again(stream);
}

/// The sequence forgets wrong guesses; false when it cannot.
bool Scheduler::settle(Stream& stream) {
  if (stream.n_held == stream.n_evaluated) return true;
  const auto reached = model_->rewind(stream.sequence, stream.n_evaluated);
  if (!reached || *reached != stream.n_evaluated) return false;
  stream.n_held = stream.n_evaluated;
  return true;
}

/// The sequence is lost: another one takes its place.
void Scheduler::read_again(Stream& stream) {
  auto lent = cache_.lend(
      {.principal = stream.job().prompt.principal, .tokens = stream.history, .marks = stream.job().prompt.marks});
  if (!lent) return finish(stream, FinishReason::kError, lent.error().message);
  cache_.drop(stream.sequence);
  stream.sequence = lent->sequence;
  stream.n_evaluated = stream.n_held = lent->reuse.n_reused;
}

void Scheduler::draw(Stream& stream, std::span<const float> logits) {
  if (stream.ended) return;
  Ticket& ticket = *stream.ticket;
  if (ticket.job().n == 0) return finish(stream, FinishReason::kMaxTokens);
  auto step = stream.steps->next(logits, stream.history);
  if (!step) {
    if (!ticket.said_) return fail_job(stream.ticket, step.error());
    return finish(stream, FinishReason::kError, step.error().message);
  }
  if (stream.n_right < stream.drafted.size() && stream.drafted[stream.n_right] == step->choice.id) {
    ++stream.n_right;
    ++ticket.collected_.n_accepted;
  }
  if (!ticket.first_token_) {
    ticket.first_token_ = Clock::now();
    ticket.collected_.timings.ttft_s = std::chrono::duration<double>(*ticket.first_token_ - ticket.submitted_).count();
  }
  if (step->choice.logprob) ticket.collected_.answers[stream.answer_idx].choices.push_back(std::move(step->choice));
  if (const auto layer = ticket.job().attention_layer) {
    ticket.say(JobAttention{.answer_idx = stream.answer_idx,
                            .layer = *layer,
                            .n_heads = stream.n_attention_heads,
                            .weights = stream.attention});
  }
  stream.say(std::move(step->shown));
  if (step->end) return finish(stream, *step->end);
  if (stream.history.size() >= n_ctx_) return finish(stream, FinishReason::kContextFull);
}

}  // namespace hearth::generate
