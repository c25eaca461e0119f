// Finds special and user-defined tokens in a text, longest first at each place, in one pass whatever the text.
#pragma once

#include <cstdint>
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

class AddedTokens {
 public:
  AddedTokens() = default;
  /// Token i is looked for as the string `spellings[i]`.
  AddedTokens(const std::vector<AddedToken>& tokens, const std::vector<std::string>& spellings);

  [[nodiscard]] bool empty() const { return all_.empty(); }

  /// The parts of `text` in order. Without `parse_special`, special tokens are plain text.
  [[nodiscard]] std::vector<TextPart> split(std::string_view text, bool parse_special) const;

 private:
  std::vector<AddedToken> tokens_;
  StringMatcher all_, without_special_;
};

}  // namespace hearth::text
