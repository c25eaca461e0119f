// Guesses how a text goes on from where its end stood before: prompts that are quoted, code that is edited, JSON that
// repeats its keys. No model, a few hash look-ups per token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "hearth/vocabulary.h"

namespace hearth::generate {

/// For one text that only grows.
class TokenLookup {
 public:
  struct Found {
    std::vector<Token> tokens;  // what came after the earlier place
    std::size_t n_matched = 0;  // tokens before it that are the same, kLongest at most
  };
  static constexpr std::size_t kShortest = 3, kLongest = 32;

  /// The continuation of the longest earlier occurrence of the text's end, of several the latest. A text that runs in a
  /// circle is continued in it.
  Found propose(std::span<const Token> text, std::size_t n_tokens);

 private:
  void index(std::span<const Token> text);

  // Places are counted by the token after them.
  std::unordered_map<std::uint64_t, std::uint32_t> latest_;  // by the kShortest tokens before
  std::vector<std::uint32_t> earlier_;                       // by place: the one before with the same tokens; 0: none
};

}  // namespace hearth::generate
