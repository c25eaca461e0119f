// (left text, right text) -> rank: the merge list of BPE as a hash table over the list's own bytes.
//
// The table knows no token ids: looking up the ids of all parts, which a table of pairs of ids needs, took most of the
// time in which a vocabulary of 280,000 merges was made (100 of 160 ms on a Zen 3).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/string_hash.h"
#include "text/string_table.h"

namespace hearth::text {

/// A text with its hash, so that a symbol which meets many neighbours is hashed once.
struct HashedText {
  std::string_view text;
  std::uint64_t hash = 0;
};

class MergeTable {
 public:
  MergeTable() = default;
  /// `merges` holds left, right, left, right, ... and must outlive the table. A pair's first rank counts; pairs with an
  /// empty part are left out.
  explicit MergeTable(const StringTable* merges) : merges_(merges) {
    const std::size_t n_merges = merges->size() / 2;
    slots_.resize(std::bit_ceil(n_merges * 2 + 16));
    // The table is larger than a cache: several slots are on their way from memory at once.
    std::array<std::uint64_t, 32> hashes{};
    for (std::size_t first = 0; first < n_merges; first += hashes.size()) {
      const std::size_t n = std::min(hashes.size(), n_merges - first);
      for (std::size_t i = 0; i < n; ++i) {
        hashes[i] = hash_pair(hash_string(left(first + i)), hash_string(right(first + i)));
        __builtin_prefetch(&slots_[hashes[i] & (slots_.size() - 1)], 1);
      }
      for (std::size_t i = 0; i < n; ++i) insert(first + i, hashes[i]);
    }
  }

  [[nodiscard]] std::optional<std::uint32_t> find(const HashedText& left, const HashedText& right) const {
    const Slot& slot = slots_[slot_of(left.text, right.text, hash_pair(left.hash, right.hash))];
    if (slot.rank < 0) return std::nullopt;
    return static_cast<std::uint32_t>(slot.rank);
  }

 private:
  struct Slot {
    std::int32_t rank = -1;
    std::uint32_t tag = 0;  // most pairs that differ are told apart without looking at them
  };

  [[nodiscard]] std::string_view left(std::size_t rank) const { return (*merges_)[2 * rank]; }
  [[nodiscard]] std::string_view right(std::size_t rank) const { return (*merges_)[2 * rank + 1]; }

  void insert(std::size_t rank, std::uint64_t hash) {
    if (left(rank).empty() || right(rank).empty()) return;
    Slot& slot = slots_[slot_of(left(rank), right(rank), hash)];
    if (slot.rank < 0) slot = {static_cast<std::int32_t>(rank), tag_of(hash)};
  }

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  [[nodiscard]] std::size_t slot_of(std::string_view a, std::string_view b, std::uint64_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].rank >= 0 && !(slots_[at].tag == tag_of(hash) && is_pair(slots_[at].rank, a, b)))
      at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  [[nodiscard]] bool is_pair(std::int32_t rank, std::string_view a, std::string_view b) const {
    return left(static_cast<std::size_t>(rank)) == a && right(static_cast<std::size_t>(rank)) == b;
  }

  const StringTable* merges_ = nullptr;
  std::vector<Slot> slots_{16};  // a power of two, at most half full
};

}  // namespace hearth::text
