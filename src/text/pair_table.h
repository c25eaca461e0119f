// (left symbol, right symbol) -> rank and merged symbol: the merge list of BPE as one flat hash table.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace hearth::text {

class PairTable {
 public:
  struct Merge {
    std::uint32_t rank = 0;
    std::int32_t merged = -1;  // -1: no such pair
  };

  void reserve(std::size_t n_pairs) { slots_.assign(std::bit_ceil(n_pairs * 2 + 16), Slot{}); }

  /// Adds a pair of symbols (both >= 0); the first rank of a pair stays. At most the reserved number of pairs.
  void insert(std::int32_t left, std::int32_t right, Merge merge) {
    const std::uint64_t key = key_of(left, right);
    Slot& slot = slots_[slot_of(key)];
    if (slot.key == kEmpty) slot = {key, merge};
  }

  [[nodiscard]] Merge find(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = key_of(left, right);
    const Slot& slot = slots_[slot_of(key)];
    return slot.key == key ? slot.merge : Merge{};
  }

 private:
  static constexpr std::uint64_t kEmpty = ~0ULL;
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };

  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
    std::uint64_t hash = key * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
    std::size_t slot = (hash * 0xBF58476D1CE4E5B9ULL >> 20) & (slots_.size() - 1);
    while (slots_[slot].key != kEmpty && slots_[slot].key != key) slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }

  std::vector<Slot> slots_{16};
};

}  // namespace hearth::text
