// The key of a request, and a list in the order of use. Structured bindings name every member of the options, so that a
// new one cannot be forgotten here.
#include "generate/reply_cache.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace hearth::generate {

namespace {

class KeyWriter {
 public:
  template <typename... T>
  void add(const T&... values) {
    (one(values), ...);
  }
  std::string key;

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void one(const T& value) {
    key.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void one(const std::string& text) {
    one(text.size());
    key += text;
  }
  template <typename T>
  void one(const std::vector<T>& values) {
    one(values.size());
    for (const T& value : values) one(value);
  }
  template <typename T>
  void one(const std::optional<T>& value) {
    one(value.has_value());
    if (value) one(*value);
  }
  void one(const LogitBias& value) { add(value.id, value.bias); }
  void one(const Tool& value) { add(value.name, value.description, value.parameters); }
};

void add_sampling(KeyWriter& to, const SamplerOptions& sampling, bool seed_counts) {
  const auto& [temperature, top_k, top_p, min_p, typical_p, repetition, presence, frequency, window, dry, xtc, mirostat,
               logit_bias, custom, order, seed, choice, n_logprobs] = sampling;
  const auto& [multiplier, base, allowed_length, dry_window, breakers] = dry;
  const auto& [probability, threshold] = xtc;
  const auto& [version, tau, eta] = mirostat;
  to.add(temperature, top_k, top_p, min_p, typical_p, repetition, presence, frequency, window, multiplier, base,
         allowed_length, dry_window, breakers, probability, threshold, version, tau, eta, logit_bias, order,
         seed_counts ? seed : 0, choice, n_logprobs);
}

void add_steps(KeyWriter& to, const StepOptions& steps) {
  const auto& [max_tokens, room, stop, max_sentences, end_tokens, tags, start, max_reasoning_tokens, calls] = steps;
  const auto& [open, close] = tags;
  to.add(max_tokens, room, stop, max_sentences, end_tokens, open, close, start, max_reasoning_tokens, calls.taken_ids);
}

bool ended_by_itself(const Reply& reply) {
  return std::ranges::none_of(reply.answers, [](const Answer& answer) {
    return answer.reason == FinishReason::kCancelled || answer.reason == FinishReason::kDeadline ||
           answer.reason == FinishReason::kError;
  });
}

std::uint64_t size_of(const Reply& reply) {
  std::uint64_t n_bytes = sizeof reply;
  for (const Answer& answer : reply.answers) {
    n_bytes +=
        sizeof answer + 4 * answer.tokens.size() + answer.message.text().size() + answer.message.reasoning.size();
    for (const ToolCall& call : answer.message.tool_calls) n_bytes += sizeof call + call.arguments.size();
    for (const TokenProbability& one : answer.logprobs) n_bytes += sizeof one * (1 + one.top.size());
  }
  return n_bytes;
}

}  // namespace

std::optional<std::string> ReplyCache::key(const Request& request, const Job& job,
                                           const std::vector<EffectiveOption>& options) const {
  if (job.sampling.custom.apply) return std::nullopt;  // nobody knows what it depends on
  if (job.attention_layer) return std::nullopt;        // its events are not kept
  const bool greedy = job.sampling.temperature == 0;
  const auto seed = std::ranges::find(options, "seed", &EffectiveOption::name);
  const bool drawn = seed != options.end() && seed->source == EffectiveOption::Source::kDefault;
  if (drawn && !greedy && options_.drawn_seeds == ReplyCacheOptions::DrawnSeeds::kAnswerAnew) return std::nullopt;
  KeyWriter to;
  to.add(job.prompt.principal, job.prompt.tokens, job.n, request.format.kind, request.format.source,
         request.format.choices, request.tools, request.tool_choice.kind, request.tool_choice.name,
         request.tool_choice.max_calls);
  add_sampling(to, job.sampling, !greedy && !drawn);
  add_steps(to, job.steps);
  return std::move(to.key);
}

std::optional<Reply> ReplyCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto it = std::ranges::find(entries_, key, &Entry::key);
  if (it == entries_.end()) return std::nullopt;
  entries_.splice(entries_.end(), entries_, it);
  return it->reply;
}

void ReplyCache::keep(std::string key, const Reply& reply) {
  if (!ended_by_itself(reply)) return;
  const std::uint64_t n_bytes = key.size() + size_of(reply);
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(entries_, key, &Entry::key) != entries_.end()) return;
  entries_.push_back({std::move(key), reply, n_bytes});
  n_bytes_ += n_bytes;
  shrink();
}

void ReplyCache::shrink() {
  while (!entries_.empty() && (entries_.size() > options_.max_entries || n_bytes_ > options_.max_bytes)) {
    n_bytes_ -= entries_.front().n_bytes;
    entries_.pop_front();
  }
}

void ReplyCache::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  n_bytes_ = 0;
}

}  // namespace hearth::generate
