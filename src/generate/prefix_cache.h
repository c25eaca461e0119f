// Keeps what models have already read: sequences of finished requests, so that whatever begins the same way need not be
// evaluated again. The next turn of a conversation, a branch of it, an edited turn and a regenerated answer are all
// this.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generate/cached_text.h"
#include "generate/session_folder.h"
#include "hearth/language_model.h"
#include "hearth/reply.h"

namespace hearth::generate {

struct PrefixCacheOptions {
  std::uint64_t max_bytes = std::uint64_t{512} << 20;  // kv_bytes_per_token of all kept positions, shared or not
  std::size_t max_entries = 64;
  SequenceOptions sequence;
  /// What was read for this principal may begin everybody's texts: prime it with what is nobody's secret. Absent: what
  /// was read for one serves that one alone.
  std::optional<std::string> shared_principal;
  std::optional<SessionFolderOptions> sessions;  // sequences outlive the process here; absent: only in memory
  std::uint64_t template_hash = 0;               // sessions belong to it
};

/// Owns every sequence of a model: kept ones, and lent ones until they are kept or dropped. For one thread.
class PrefixCache {
 public:
  PrefixCache(LanguageModel& model, PrefixCacheOptions options);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  struct Lent {
    SequenceId sequence = 0;
    PrefixReuse reuse;               // n_reused tokens of the prompt are in the sequence already
    std::vector<std::string> notes;  // what was found on disk and could not be used
  };
  /// A sequence that holds as much of the prompt's beginning as can be had, but never all: the last token's logits are
  /// still wanted. Tokens are compared one by one.
  Result<Lent> lend(const CachedText& prompt);
  /// A second lent sequence with the same `at` positions. Fails where the engine cannot fork or holds no more.
  Result<SequenceId> fork(SequenceId lent, std::size_t at);
  /// Takes a lent sequence back; it holds exactly these tokens.
  void keep(CachedText text, SequenceId lent);
  void drop(SequenceId lent);
  /// Gives up everything that is kept in memory.
  void clear();

  /// Writes a lent sequence, which holds exactly these tokens, to the folder of sessions, if there is one. Sentences
  /// about what went wrong, which harms nothing.
  std::vector<std::string> save(const CachedText& text, SequenceId lent);
  /// Removes what this model has in the folder of sessions.
  void remove_saved();
  /// Writes as much of the text as is kept in memory to a file of its own; how many tokens that is.
  Result<std::size_t> save_to(const std::filesystem::path& path, const CachedText& text);
  /// Keeps what save_to wrote for the same principal; how many tokens that is.
  Result<std::size_t> restore_from(const std::filesystem::path& path, const std::string& principal);

  [[nodiscard]] std::size_t n_kept() const { return entries_.size(); }
  [[nodiscard]] std::size_t n_lent() const { return n_lent_; }
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Entry {
    CachedText text;
    SequenceId sequence = 0;
  };
  using Entries = std::list<Entry>;  // least recently used first

  [[nodiscard]] std::size_t reachable(const CachedText& kept, std::span<const Token> tokens) const;
  Entries::iterator best_for(const CachedText& prompt);
  [[nodiscard]] bool serves(const Entry& entry, const CachedText& prompt) const;
  std::optional<Lent> reuse(Entries::iterator entry, const CachedText& prompt);
  bool restore_better(const CachedText& prompt, std::vector<std::string>& notes);
  Status adopt(Session session);
  Result<SequenceId> create();
  bool evict(const Entry* spared);
  void shrink();
  [[nodiscard]] std::size_t n_common_with_evicted(const CachedText& prompt) const;

  LanguageModel* model_;
  PrefixCacheOptions options_;
  Entries entries_;
  std::deque<CachedText> evicted_;  // what was given up lately, to be able to say so
  std::size_t n_lent_ = 0;
  SessionBinding binding_;
  std::optional<SessionFolder> sessions_;
};

/// Why only `n_reused` tokens of the prompt were there: in words, with the first token that differs from `nearest`, the
/// kept text that is most like it (null: nothing is kept), and the message it belongs to.
PrefixReuse explain_reuse(const CachedText& prompt, const CachedText* nearest, std::size_t n_reused,
                          std::size_t n_evicted, const Vocabulary* vocabulary);

}  // namespace hearth::generate
