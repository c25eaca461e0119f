// Keeps what models have already read: sequences of finished requests, so that whatever begins the same way need not be
// evaluated again. The next turn of a conversation, a branch of it, an edited turn and a regenerated answer are all
// this.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"
#include "hearth/reply.h"

namespace hearth::generate {

/// Where a part of a prompt begins, for explanations.
struct PromptMark {
  std::size_t token_begin = 0;
  std::optional<std::size_t> message_idx;  // absent: written by the template around the messages
  std::string what;                        // "message 2 (user)"
  std::uint64_t content = 0;               // a hash of what the caller gave, however the template spells it
};

struct PrefixCacheOptions {
  std::uint64_t max_bytes = std::uint64_t{512} << 20;  // kv_bytes_per_token of all kept positions, shared or not
  std::size_t max_entries = 64;
  SequenceOptions sequence;
};

/// A prompt as the cache sees it. Nothing of one principal is ever used for another.
struct CachedText {
  std::string principal;
  std::vector<Token> tokens;
  std::vector<PromptMark> marks;  // ascending
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
    PrefixReuse reuse;  // n_reused tokens of the prompt are in the sequence already
  };
  /// A sequence that holds as much of the prompt's beginning as can be had, but never all: the last token's logits are
  /// still wanted. Tokens are compared one by one.
  Result<Lent> lend(const CachedText& prompt);
  /// A second lent sequence with the same `at` positions. Fails where the engine cannot fork or holds no more.
  Result<SequenceId> fork(SequenceId lent, std::size_t at);
  /// Takes a lent sequence back; it holds exactly these tokens.
  void keep(CachedText text, SequenceId lent);
  void drop(SequenceId lent);
  /// Gives up everything that is kept.
  void clear();

  [[nodiscard]] std::size_t n_kept() const { return entries_.size(); }
  [[nodiscard]] std::size_t n_lent() const { return n_lent_; }
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Entry {
    CachedText text;
    SequenceId sequence = 0;
  };
  using Entries = std::list<Entry>;  // least recently used first

  [[nodiscard]] std::size_t reachable(const Entry& entry, std::span<const Token> tokens) const;
  Entries::iterator best_for(const CachedText& prompt);
  std::optional<Lent> reuse(Entries::iterator entry, std::span<const Token> tokens);
  Result<SequenceId> create();
  bool evict(const Entry* spared);
  void shrink();
  [[nodiscard]] std::size_t n_common_with_evicted(const CachedText& prompt) const;

  LanguageModel* model_;
  PrefixCacheOptions options_;
  Entries entries_;
  std::deque<CachedText> evicted_;  // what was given up lately, to be able to say so
  std::size_t n_lent_ = 0;
};

/// How many tokens two texts begin with in common.
std::size_t common_tokens(std::span<const Token> a, std::span<const Token> b);

/// Why only `n_reused` tokens of the prompt were there: in words, with the first token that differs from `nearest`, the
/// kept text that is most like it (null: nothing is kept), and the message it belongs to.
PrefixReuse explain_reuse(const CachedText& prompt, const CachedText* nearest, std::size_t n_reused,
                          std::size_t n_evicted, const Vocabulary* vocabulary);

}  // namespace hearth::generate
