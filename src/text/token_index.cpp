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

TokenIndex::TokenIndex(const StringTable* strings) : strings_(strings) {
  slots_.assign(std::bit_ceil(std::max<std::size_t>(16, strings->size() * 2)), kNoToken);
  for (std::size_t idx = 0; idx < strings->size(); ++idx) insert(static_cast<TokenId>(idx));
}

std::size_t TokenIndex::slot_of(std::string_view text) const {
  std::size_t slot = hash_bytes(text) & (slots_.size() - 1);
  while (slots_[slot] != kNoToken && (*strings_)[static_cast<std::size_t>(slots_[slot])] != text) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

TokenId TokenIndex::insert(TokenId idx) {
  const std::string_view text = (*strings_)[static_cast<std::size_t>(idx)];
  if (text.empty()) return kNoToken;
  if ((n_used_ + 1) * 2 > slots_.size()) grow();
  const std::size_t slot = slot_of(text);
  if (slots_[slot] == kNoToken) {
    slots_[slot] = idx;
    ++n_used_;
    longest_ = std::max(longest_, text.size());
  }
  return slots_[slot];
}

void TokenIndex::grow() {
  std::vector<TokenId> old(slots_.size() * 2, kNoToken);
  old.swap(slots_);
  for (const TokenId idx : old) {
    if (idx != kNoToken) slots_[slot_of((*strings_)[static_cast<std::size_t>(idx)])] = idx;
  }
}

TokenId TokenIndex::find(std::string_view text) const {
  if (text.empty() || text.size() > longest_) return kNoToken;
  return slots_[slot_of(text)];
}

}  // namespace hearth::text
