// Lending, keeping and giving up sequences.
#include "generate/prefix_cache.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace hearth::generate {

namespace {
constexpr std::size_t kEvictedRemembered = 16;
}

std::size_t common_tokens(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

bool is_beginning(const CachedText& a, const CachedText& b) {
  return a.principal == b.principal && a.tokens.size() <= b.tokens.size() &&
         common_tokens(a.tokens, b.tokens) == a.tokens.size();
}

PrefixCache::PrefixCache(LanguageModel& model, PrefixCacheOptions options)
    : model_(&model),
      options_(std::move(options)),
      binding_(session_binding(model.info(), options_.sequence, options_.template_hash)) {
  if (options_.sessions && model.capabilities().save) sessions_.emplace(*options_.sessions, binding_);
}

PrefixCache::~PrefixCache() {
  clear();
}

std::uint64_t PrefixCache::bytes() const {
  std::uint64_t n_tokens = 0;
  for (const Entry& entry : entries_) n_tokens += entry.text.tokens.size();
  return n_tokens * model_->info().kv_bytes_per_token;
}

/// How many of the tokens a sequence made from this entry can hold, as far as can be known beforehand.
std::size_t PrefixCache::reachable(const CachedText& kept, std::span<const Token> tokens) const {
  const std::size_t n = std::min(common_tokens(kept.tokens, tokens), tokens.size() - 1);
  const auto rewind = model_->capabilities().rewind;
  const bool goes_back = rewind == Capabilities::Rewind::kAny || rewind == Capabilities::Rewind::kWindow;
  return goes_back || n == kept.tokens.size() ? n : 0;
}

bool PrefixCache::serves(const Entry& entry, const CachedText& prompt) const {
  return entry.text.principal == prompt.principal || entry.text.principal == options_.shared_principal;
}

PrefixCache::Entries::iterator PrefixCache::best_for(const CachedText& prompt) {
  auto best = entries_.end();
  std::size_t n_best = 0;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!serves(*it, prompt)) continue;
    const std::size_t n = reachable(it->text, prompt.tokens);
    if (n == 0 || n < n_best) continue;  // of equals the most recently used
    best = it;
    n_best = n;
  }
  return best;
}

/// A lent sequence made from the entry: a fork, so that the entry stays, unless the new text contains it anyway or the
/// engine has no room for both. What is shared stays for the others in any case.
std::optional<PrefixCache::Lent> PrefixCache::reuse(Entries::iterator entry, const CachedText& prompt) {
  const std::span<const Token> tokens = prompt.tokens;
  const bool stays = entry->text.principal != prompt.principal;
  const Capabilities& can = model_->capabilities();
  const std::size_t length = entry->text.tokens.size(), n = reachable(entry->text, tokens);
  const bool any = can.rewind == Capabilities::Rewind::kAny;
  entries_.splice(entries_.end(), entries_, entry);
  SequenceId sequence = entry->sequence;
  bool forked = false;
  if (can.fork && (stays || !(any && n == length))) {
    while (entries_.size() + n_lent_ >= can.max_sequences && evict(&*entry)) {
    }
    if (entries_.size() + n_lent_ < can.max_sequences) {
      const auto child = model_->fork(entry->sequence, any ? n : length);
      forked = child.has_value();
      if (forked) sequence = *child;
    }
  }
  if (!forked && stays) return std::nullopt;
  if (!forked) entries_.erase(entry);
  const auto reached = n == length || (forked && any) ? Result<std::size_t>(n) : model_->rewind(sequence, n);
  if (!reached) {
    model_->destroy_sequence(sequence);
    return std::nullopt;
  }
  ++n_lent_;
  return Lent{.sequence = sequence, .reuse = {.n_reused = *reached, .n_new = 0, .cause = {}}};
}

Result<SequenceId> PrefixCache::create() {
  while (entries_.size() + n_lent_ >= model_->capabilities().max_sequences && evict(nullptr)) {
  }
  auto id = model_->create_sequence(options_.sequence);
  while (!id && evict(nullptr)) id = model_->create_sequence(options_.sequence);
  if (id) ++n_lent_;
  return id;
}

std::size_t PrefixCache::n_common_with_evicted(const CachedText& prompt) const {
  std::size_t n = 0;
  for (const CachedText& text : evicted_) {
    if (text.principal == prompt.principal) n = std::max(n, common_tokens(text.tokens, prompt.tokens));
  }
  return n;
}

Result<PrefixCache::Lent> PrefixCache::lend(const CachedText& prompt) {
  if (prompt.tokens.empty()) return fail(ErrorCode::kInvalidArgument, "there is nothing to read: the prompt is empty");
  std::vector<std::string> notes;
  const bool restored = restore_better(prompt, notes);
  std::optional<CachedText> nearest;  // a copy: the entry may go on to become the lent sequence
  std::size_t n_nearest = 0;
  for (const Entry& entry : entries_) {
    if (!serves(entry, prompt)) continue;
    const std::size_t n = common_tokens(entry.text.tokens, prompt.tokens);
    if (nearest && n < n_nearest) continue;
    nearest = entry.text;
    n_nearest = n;
  }
  std::optional<Lent> lent;
  if (const auto best = best_for(prompt); best != entries_.end()) lent = reuse(best, prompt);
  if (!lent) {
    HEARTH_TRY(const SequenceId id, create());
    lent = Lent{.sequence = id, .reuse = {}};
  }
  lent->reuse = explain_reuse(prompt, nearest ? &*nearest : nullptr, lent->reuse.n_reused,
                              n_common_with_evicted(prompt), model_->vocabulary());
  if (restored) lent->reuse.n_restored = lent->reuse.n_reused;
  lent->notes = std::move(notes);
  return std::move(*lent);
}

Result<SequenceId> PrefixCache::fork(SequenceId lent, std::size_t at) {
  const Capabilities& can = model_->capabilities();
  if (!can.fork) return fail(ErrorCode::kInvalidArgument, "this engine cannot fork sequences");
  while (entries_.size() + n_lent_ >= can.max_sequences && evict(nullptr)) {
  }
  auto id = model_->fork(lent, at);
  if (id) ++n_lent_;
  return id;
}

void PrefixCache::keep(CachedText text, SequenceId lent) {
  // Where any position can be gone back to, a beginning of another text is of no further use.
  const bool any = model_->capabilities().rewind == Capabilities::Rewind::kAny;
  for (auto it = entries_.begin(); it != entries_.end();) {
    const bool covers =
        any ? is_beginning(text, it->text) : text.principal == it->text.principal && text.tokens == it->text.tokens;
    if (covers) {
      entries_.splice(entries_.end(), entries_, it);
      drop(lent);
      return;
    }
    if (any && is_beginning(it->text, text)) {
      model_->destroy_sequence(it->sequence);
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
  if (text.tokens.empty()) return drop(lent);
  --n_lent_;
  entries_.push_back({std::move(text), lent});
  shrink();
}

void PrefixCache::drop(SequenceId lent) {
  model_->destroy_sequence(lent);
  --n_lent_;
}

/// Gives up the least recently used entry but the spared one; false when there is none.
bool PrefixCache::evict(const Entry* spared) {
  const auto it = std::ranges::find_if(entries_, [&](const Entry& entry) { return &entry != spared; });
  if (it == entries_.end()) return false;
  model_->destroy_sequence(it->sequence);
  evicted_.push_back(std::move(it->text));
  if (evicted_.size() > kEvictedRemembered) evicted_.pop_front();
  entries_.erase(it);
  return true;
}

void PrefixCache::shrink() {
  while ((bytes() > options_.max_bytes || entries_.size() > options_.max_entries) && evict(nullptr)) {
  }
}

void PrefixCache::clear() {
  for (const Entry& entry : entries_) model_->destroy_sequence(entry.sequence);
  entries_.clear();
  evicted_.clear();
}

}  // namespace hearth::generate
