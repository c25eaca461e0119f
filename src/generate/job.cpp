// The queue of events between the scheduler's thread and a caller's.
#include "generate/job.h"

#include <algorithm>
#include <utility>

namespace hearth::generate {

namespace {
constexpr std::size_t kMostAttention = 64;
}

Ticket::Ticket(Job job) : job_(std::move(job)) {
  n_open_ = std::max<std::size_t>(1, job_.n);
  collected_.answers.resize(job_.n);
}

std::optional<JobEvent> Ticket::next(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return !events_.empty() || result_; });
  if (events_.empty()) return std::nullopt;
  JobEvent event = std::move(events_.front());
  events_.pop_front();
  n_attention_ -= std::holds_alternative<JobAttention>(event);
  return event;
}

bool Ticket::done() const {
  const std::lock_guard lock(mutex_);
  return result_ && events_.empty();
}

Result<JobResult> Ticket::result() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return result_.has_value(); });
  return std::move(*result_);
}

void Ticket::say(JobEvent event) {
  {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<JobAttention>(event) && ++n_attention_ > kMostAttention) {
      --n_attention_;  // whoever does not take them in time misses some: they are large
      return;
    }
    auto* piece = std::get_if<JobPiece>(&event);
    auto* last = events_.empty() ? nullptr : std::get_if<JobPiece>(&events_.back());
    const bool joins = piece && last && last->answer_idx == piece->answer_idx &&
                       (piece->shown.reasoning.empty() || (last->shown.answer.empty() && last->shown.calls.empty()));
    if (joins) {
      last->shown.append(std::move(piece->shown));
    } else {
      events_.push_back(std::move(event));
    }
  }
  changed_.notify_all();
}

void Ticket::finish(Result<JobResult> result) {
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  changed_.notify_all();
}

}  // namespace hearth::generate
