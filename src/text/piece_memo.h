// What the short pieces of a text became: words come again and again, and looking one up costs less than merging it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/string_hash.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// A table where a newer piece takes the place of an older one.
class PieceMemo {
 public:
  /// Only where a text is long enough to repay the table.
  void prepare(std::size_t text_bytes) {
    if (text_bytes >= kLongText && entries_.empty()) entries_.resize(kEntries);
  }

  /// Appends to `out` what `piece` stands for: from the table, or by `encode()`, which appends it.
  template <typename Encode>
  void append(std::string_view piece, std::vector<TokenId>& out, const Encode& encode) {
    if (entries_.empty() || piece.size() > kLongestPiece) return encode();
    Entry& entry = entries_[hash_string(piece) % kEntries];
    if (std::string_view(entry.piece.data(), entry.n_bytes) == piece) {
      out.insert(out.end(), entry.ids.begin(), entry.ids.begin() + entry.n_ids);
      return;
    }
    const std::size_t before = out.size();
    encode();
    const std::span ids(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
    if (ids.size() > entry.ids.size()) return;
    std::ranges::copy(piece, entry.piece.begin());
    std::ranges::copy(ids, entry.ids.begin());
    entry.n_bytes = static_cast<std::uint8_t>(piece.size());
    entry.n_ids = static_cast<std::uint8_t>(ids.size());
  }

 private:
  static constexpr std::size_t kLongText = 4096, kEntries = 4096, kLongestPiece = 18;
  struct Entry {
    std::uint8_t n_bytes = 0, n_ids = 0;  // an empty piece has no ids
    std::array<char, kLongestPiece> piece{};
    std::array<TokenId, 5> ids{};
  };
  std::vector<Entry> entries_;
};

}  // namespace hearth::text
