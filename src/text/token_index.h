// Token bytes -> id: an open-addressing hash table over the vocabulary's own bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/string_table.h"
#include "text/vocab_data.h"

namespace hearth::text {

class TokenIndex {
 public:
  TokenIndex() = default;
  enum class Fill : std::uint8_t { kAll, kNothing };
  /// `strings` must outlive the index. Empty strings are left out; of equal ones the lowest index is kept.
  explicit TokenIndex(const StringTable* strings, Fill fill = Fill::kAll);

  void reserve(std::size_t n_strings);
  /// Adds string number `idx` of the table, unless an equal one is there. Returns the index of the one that stays.
  TokenId insert(TokenId idx);
  [[nodiscard]] TokenId find(std::string_view text) const;
  /// The same with hash_string(text), which the caller has.
  [[nodiscard]] TokenId find(std::string_view text, std::uint64_t hash) const;
  [[nodiscard]] std::size_t longest() const { return longest_; }

 private:
  void grow_to(std::size_t n_slots);
  [[nodiscard]] std::size_t slot_of(std::string_view text, std::uint64_t hash) const;

  const StringTable* strings_ = nullptr;
  struct Slot {
    TokenId id = kNoToken;
    std::uint32_t tag = 0;  // upper half of the hash: most strings that differ are told apart without looking at them
  };
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t n_used_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace hearth::text
