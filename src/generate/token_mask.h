// TokenMask: which tokens an answer may go on with. What compiles schemas and grammars implements it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "hearth/vocabulary.h"

namespace hearth::generate {

/// One per answer, used by one thread at a time.
class TokenMask {
 public:
  virtual ~TokenMask() = default;
  /// Bit id % 32 of word id / 32: the token may come next. `n_left` tokens may still be drawn, this one included
  /// (0: no bound); a mask that knows its end steers towards it. Valid until the next call. No bit set: nothing may
  /// come, which is an error of the grammar.
  virtual Result<std::span<const std::uint32_t>> allowed(std::size_t n_left) = 0;
  /// Tokens that the text most likely goes on with, since its form leaves no other bytes. A guess: each is still drawn.
  virtual std::vector<Token> forced() { return {}; }
  /// The token was drawn.
  virtual Status accept(Token token) = 0;
};

}  // namespace hearth::generate
