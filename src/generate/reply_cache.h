// Replies to requests that came before in exactly the same words: greetings, clarifications, a page that is opened
// again.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "generate/job.h"
#include "hearth/reply.h"
#include "hearth/request.h"

namespace hearth::generate {

struct ReplyCacheOptions {
  std::size_t max_entries = 256;
  std::uint64_t max_bytes = std::uint64_t{8} << 20;
  /// A request that names no seed and does not choose greedily means: another answer each time.
  enum class DrawnSeeds : std::uint8_t { kAnswerAnew, kRepeat } drawn_seeds = DrawnSeeds::kAnswerAnew;
};

/// For several threads. One belongs to one generator, so model and template need no key.
class ReplyCache {
 public:
  explicit ReplyCache(ReplyCacheOptions options) : options_(options) {}

  /// Everything that decides the reply to this request, as bytes; nothing where a reply must not be repeated.
  [[nodiscard]] std::optional<std::string> key(const Request& request, const Job& job,
                                               const std::vector<EffectiveOption>& options) const;
  [[nodiscard]] std::optional<Reply> find(const std::string& key);
  /// Keeps the reply if nothing but itself ended it; the least recently used go.
  void keep(std::string key, const Reply& reply);
  void clear();

 private:
  struct Entry {
    std::string key;
    Reply reply;
    std::uint64_t n_bytes = 0;
  };
  void shrink();

  ReplyCacheOptions options_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used last
  std::uint64_t n_bytes_ = 0;
};

}  // namespace hearth::generate
