// The tokens that stand for single bytes, for text that no other token covers.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "text/vocab_data.h"

namespace hearth::text {

class ByteTokens {
 public:
  ByteTokens() { ids_.fill(kNoToken); }
  /// Collects the tokens that are written <0xHH>, whatever their type; of several for one byte, the first.
  explicit ByteTokens(const VocabData& data);

  [[nodiscard]] TokenId operator[](unsigned char byte) const { return ids_[byte]; }
  /// Whether every byte of `text` has its token.
  [[nodiscard]] bool cover(std::string_view text) const;
  /// Appends one token per byte; bytes without one are left out.
  void append(std::string_view text, std::vector<TokenId>& out) const;

 private:
  std::array<TokenId, 256> ids_{};
};

}  // namespace hearth::text
