// SentencePiece's precompiled character map: a double-array trie of character sequences and what replaces them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

/// Layout: trie size in bytes (u32, little-endian), the trie's units (u32 each), then the replacements, each ended by a
/// zero byte. A unit: bits 0-7 label, 8 has a value, 9 offset is shifted, 10-30 offset, 31 set in values.
/// Broken links and values inside the trie count as "no match".
class Charsmap {
 public:
  Charsmap() = default;
  static Result<Charsmap> parse(std::string_view bytes);

  struct Match {
    std::size_t n_bytes = 0;  // of the text that is replaced
    std::string_view replacement;
  };
  [[nodiscard]] std::optional<Match> longest(std::string_view text) const;
  [[nodiscard]] std::optional<Match> shortest(std::string_view text) const;

 private:
  template <typename Visit>
  void walk(std::string_view text, Visit visit) const;
  [[nodiscard]] std::optional<std::string_view> replacement(std::uint32_t at) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;  // ends with a zero byte
};

}  // namespace hearth::text
