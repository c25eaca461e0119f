// Finds special and user-defined tokens in a text, longest first at each place, in one pass whatever the text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/trie.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// A part of a text: a token that was found there, or text between tokens (id kNoToken).
struct TextPart {
  TokenId id = kNoToken;
  std::size_t begin = 0, end = 0;
};

/// Bytes [begin, end) of a text.
struct ByteRange {
  std::size_t begin = 0, end = 0;
};

/// An added token as it is looked for.
struct SpelledToken {
  AddedToken token;
  std::string spelling;
  bool frames = false;  // not special in the file, but what templates frame messages with
};

/// What untrusted text may become.
enum class Untrusted : std::uint8_t {
  kNotSpecial,  // every added token that is not special, as tokenizers usually have it
  kNoFrame,     // nor those that frame messages
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(const std::vector<SpelledToken>& tokens);

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] bool has_special() const { return has_special_; }

  /// The parts of `text` in order. Special and framing tokens are found where one of the ranges `trusted` (ascending,
  /// apart from each other) holds them whole; elsewhere `untrusted` says what is found.
  [[nodiscard]] std::vector<TextPart> split(std::string_view text, std::span<const ByteRange> trusted,
                                            Untrusted untrusted) const;

 private:
  using Hits = std::vector<StringMatcher::Hit>;
  [[nodiscard]] Hits find(std::string_view text, std::span<const ByteRange> trusted, Untrusted untrusted) const;

  std::vector<AddedToken> tokens_;
  std::vector<std::uint8_t> frames_;  // per token: special or framing
  StringMatcher all_, without_special_, without_frames_;
  bool has_special_ = false;
};

}  // namespace hearth::text
