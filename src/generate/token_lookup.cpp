// A chain of earlier places for every few tokens, walked from the latest.
#include "generate/token_lookup.h"

#include <algorithm>

namespace hearth::generate {

namespace {

constexpr std::size_t kMostPlaces = 16;  // looked at for one proposal

std::uint64_t key_of(std::span<const Token> tokens) {
  std::uint64_t key = 0;
  for (const Token token : tokens) key = (key ^ static_cast<std::uint32_t>(token)) * 0x9e3779b97f4a7c15ull;
  return key ^ key >> 32;
}

/// Tokens before `a` and before `b` that are the same.
std::size_t matched(std::span<const Token> text, std::size_t a, std::size_t b) {
  std::size_t n = 0;
  while (n < std::min(a, b) && n < TokenLookup::kLongest && text[a - 1 - n] == text[b - 1 - n]) ++n;
  return n;
}

}  // namespace

void TokenLookup::index(std::span<const Token> text) {
  // The end itself is no earlier place; it becomes one when the text has grown.
  for (std::size_t place = std::max(earlier_.size(), kShortest); place < text.size(); ++place) {
    earlier_.resize(place + 1);
    std::uint32_t& latest = latest_[key_of(text.subspan(place - kShortest, kShortest))];
    earlier_[place] = latest;
    latest = static_cast<std::uint32_t>(place);
  }
}

TokenLookup::Found TokenLookup::propose(std::span<const Token> text, std::size_t n_tokens) {
  index(text);
  if (text.size() < kShortest || n_tokens == 0) return {};
  const auto latest = latest_.find(key_of(text.last(kShortest)));
  if (latest == latest_.end()) return {};
  Found found;
  std::size_t best = 0;
  std::size_t n_places = 0;
  for (std::size_t place = latest->second; place != 0 && n_places < kMostPlaces; place = earlier_[place], ++n_places) {
    const std::size_t n = matched(text, place, text.size());
    if (n <= found.n_matched || n < kShortest) continue;  // a key may stand for other tokens, too
    found.n_matched = n;
    best = place;
  }
  if (best == 0) return {};
  const std::size_t circle = text.size() - best;
  for (std::size_t i = 0; i < n_tokens; ++i) found.tokens.push_back(text[best + i % circle]);
  return found;
}

}  // namespace hearth::generate
