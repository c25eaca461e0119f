// What the prefix cache does with sessions on disk.
#include <utility>

#include "generate/prefix_cache.h"

#include <fmt/format.h>

namespace hearth::generate {

/// Brings a session into memory that helps this prompt more than what is there; whether one did.
bool PrefixCache::restore_better(const CachedText& prompt, std::vector<std::string>& notes) {
  if (!sessions_) return false;
  bool restored = false;
  const auto best = best_for(prompt);
  const std::size_t n_there = best == entries_.end() ? 0 : reachable(best->text, prompt.tokens);
  const auto reach = [&](const CachedText& kept) { return reachable(kept, prompt.tokens); };
  if (auto session = sessions_->take_better(prompt.principal, n_there, reach)) {
    const CachedText text = session->text;
    const Status adopted = adopt(std::move(*session));
    restored = adopted.has_value();
    if (!adopted) sessions_->refuse(text, adopted.error().message);
  }
  notes = sessions_->notes(prompt.principal);
  return restored;
}

/// Keeps the session as the most recently used of all.
Status PrefixCache::adopt(Session session) {
  while (entries_.size() + n_lent_ >= model_->capabilities().max_sequences && evict(nullptr)) {
  }
  HEARTH_TRY(const SequenceId id, model_->import_state({session.state.data(), session.state_bytes}, options_.sequence));
  const auto length = model_->length(id);
  if (!length || *length != session.text.tokens.size() || *length == 0) {
    model_->destroy_sequence(id);
    return fail(ErrorCode::kStateMismatch, "its state does not belong to its text");
  }
  entries_.push_back({std::move(session.text), id});
  return {};
}

std::vector<std::string> PrefixCache::save(const CachedText& text, SequenceId lent) {
  if (!sessions_ || text.tokens.empty()) return {};
  const bool any = model_->capabilities().rewind == Capabilities::Rewind::kAny;
  sessions_->save(text, *model_, lent, any ? SessionFolder::Beginnings::kReplaced : SessionFolder::Beginnings::kKept);
  return sessions_->notes(text.principal);
}

void PrefixCache::remove_saved() {
  if (sessions_) sessions_->remove_all();
}

Result<std::size_t> PrefixCache::save_to(const std::filesystem::path& path, const CachedText& text) {
  if (!model_->capabilities().save) return fail(ErrorCode::kUnsupportedModel, "this engine cannot save sequences");
  const bool any = model_->capabilities().rewind == Capabilities::Rewind::kAny;
  const Entry* best = nullptr;
  std::size_t n_best = 0;
  for (const Entry& entry : entries_) {
    if (entry.text.principal != text.principal) continue;
    const std::size_t n = common_tokens(entry.text.tokens, text.tokens);
    if (n <= n_best || (!any && n != entry.text.tokens.size())) continue;
    best = &entry;
    n_best = n;
  }
  if (!best) return fail(ErrorCode::kInvalidArgument, "nothing of this conversation is in memory");
  const CachedText held{.principal = text.principal,
                        .tokens = {text.tokens.begin(), text.tokens.begin() + static_cast<std::ptrdiff_t>(n_best)},
                        .marks = text.marks};
  if (n_best == best->text.tokens.size()) {
    HEARTH_CHECK(write_session(path, binding_, held, *model_, best->sequence));
    return n_best;
  }
  HEARTH_TRY(const SequenceId id, model_->fork(best->sequence, n_best));  // what comes after is no part of it
  const ScopedSequence part(*model_, id);
  HEARTH_CHECK(write_session(path, binding_, held, *model_, id));
  return n_best;
}

Result<std::size_t> PrefixCache::restore_from(const std::filesystem::path& path, const std::string& principal) {
  if (!model_->capabilities().save) return fail(ErrorCode::kUnsupportedModel, "this engine cannot restore sequences");
  HEARTH_TRY(Session session, parse_session(path, binding_));
  if (session.text.principal != principal) return fail(ErrorCode::kStateMismatch, "it belongs to somebody else");
  const std::size_t n_tokens = session.text.tokens.size();
  HEARTH_CHECK(adopt(std::move(session)));
  shrink();
  return n_tokens;
}

}  // namespace hearth::generate
