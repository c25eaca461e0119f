// Byte tokens by their names.
#include "text/byte_tokens.h"

#include <algorithm>

#include "text/byte_alphabet.h"

namespace hearth::text {

ByteTokens::ByteTokens(const VocabData& data) {
  ids_.fill(kNoToken);
  for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
    const auto byte = parse_byte_token(data.tokens[idx]);
    const auto id = static_cast<TokenId>(idx);
    if (byte && ids_[*byte] == kNoToken) ids_[*byte] = id;
  }
}

bool ByteTokens::cover(std::string_view text) const {
  return std::ranges::all_of(text, [&](char byte) { return ids_[static_cast<unsigned char>(byte)] != kNoToken; });
}

void ByteTokens::append(std::string_view text, std::vector<TokenId>& out) const {
  for (const char byte : text) {
    const TokenId id = ids_[static_cast<unsigned char>(byte)];
    if (id != kNoToken) out.push_back(id);
  }
}

}  // namespace hearth::text
