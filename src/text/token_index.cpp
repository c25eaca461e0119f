// Linear probing over hash_string().
#include "text/token_index.h"

#include <algorithm>
#include <bit>

#include "text/string_hash.h"

namespace hearth::text {

TokenIndex::TokenIndex(const StringTable* strings, Fill fill) : strings_(strings), slots_(16) {
  if (fill == Fill::kNothing) return;
  reserve(strings->size());
  for (std::size_t idx = 0; idx < strings->size(); ++idx) insert(static_cast<TokenId>(idx));
}

void TokenIndex::reserve(std::size_t n_strings) {
  const std::size_t n_slots = std::bit_ceil(n_strings * 2);
  if (n_slots > slots_.size()) grow_to(n_slots);
}

std::size_t TokenIndex::slot_of(std::string_view text, std::uint64_t hash) const {
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id != kNoToken &&
         (slots_[at].tag != tag || (*strings_)[static_cast<std::size_t>(slots_[at].id)] != text)) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

TokenId TokenIndex::insert(TokenId idx) {
  const std::string_view text = (*strings_)[static_cast<std::size_t>(idx)];
  if (text.empty()) return kNoToken;
  if ((n_used_ + 1) * 2 > slots_.size()) grow_to(slots_.size() * 2);
  const std::uint64_t hash = hash_string(text);
  Slot& slot = slots_[slot_of(text, hash)];
  if (slot.id == kNoToken) {
    slot = {idx, static_cast<std::uint32_t>(hash >> 32)};
    ++n_used_;
    longest_ = std::max(longest_, text.size());
  }
  return slot.id;
}

void TokenIndex::grow_to(std::size_t n_slots) {
  std::vector<Slot> old(n_slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id == kNoToken) continue;
    const std::string_view text = (*strings_)[static_cast<std::size_t>(slot.id)];
    slots_[slot_of(text, hash_string(text))] = slot;
  }
}

TokenId TokenIndex::find(std::string_view text) const {
  if (text.size() > longest_) return kNoToken;
  return find(text, hash_string(text));
}

TokenId TokenIndex::find(std::string_view text, std::uint64_t hash) const {
  if (text.empty() || text.size() > longest_) return kNoToken;
  return slots_[slot_of(text, hash)].id;
}

}  // namespace hearth::text
