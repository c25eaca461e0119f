// Linear probing with a 64-bit multiply-mix hash.
#include "text/token_index.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace hearth::text {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash_bytes(std::string_view text) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  constexpr std::uint64_t kOther = 0xD6E8FEB86659FD93ULL;
  std::uint64_t state = kOther ^ text.size();
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = mix(state ^ word, kOdd);
  }
  std::uint64_t tail = 0;
  if (left > 0) std::memcpy(&tail, at, left);
  return mix(state ^ tail, kOdd) ^ (state >> 32);
}

}  // namespace

TokenIndex::TokenIndex(const StringTable* strings, Fill fill) : strings_(strings) {
  const std::size_t n_filled = fill == Fill::kAll ? strings->size() : 0;
  slots_.resize(std::bit_ceil(std::max<std::size_t>(16, n_filled * 2)));
  for (std::size_t idx = 0; idx < n_filled; ++idx) insert(static_cast<TokenId>(idx));
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
  if ((n_used_ + 1) * 2 > slots_.size()) grow();
  const std::uint64_t hash = hash_bytes(text);
  Slot& slot = slots_[slot_of(text, hash)];
  if (slot.id == kNoToken) {
    slot = {idx, static_cast<std::uint32_t>(hash >> 32)};
    ++n_used_;
    longest_ = std::max(longest_, text.size());
  }
  return slot.id;
}

void TokenIndex::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id == kNoToken) continue;
    const std::string_view text = (*strings_)[static_cast<std::size_t>(slot.id)];
    slots_[slot_of(text, hash_bytes(text))] = slot;
  }
}

TokenId TokenIndex::find(std::string_view text) const {
  if (text.empty() || text.size() > longest_) return kNoToken;
  return slots_[slot_of(text, hash_bytes(text))].id;
}

}  // namespace hearth::text
