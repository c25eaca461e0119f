// The fake's vocabulary: one token per byte, and a few special tokens behind them.
#pragma once

#include "hearth/vocabulary.h"

namespace hearth::fake {

inline constexpr Token kBos = 256;
inline constexpr Token kEos = 257;
inline constexpr Token kEndOfTurn = 258;
inline constexpr std::size_t kVocabSize = 259;

class ByteVocabulary final : public Vocabulary {
 public:
  [[nodiscard]] std::size_t size() const override { return kVocabSize; }
  /// BOS in front where special tokens are wanted.
  [[nodiscard]] std::vector<Token> encode(std::string_view text, const EncodeOptions& options) const override;
  [[nodiscard]] std::vector<Token> encode_prompt(std::span<const PromptPart> parts) const override;
  [[nodiscard]] std::unique_ptr<TokenDecoder> make_decoder() const override;
  [[nodiscard]] std::string decode(std::span<const Token> tokens, const DecodeOptions& options) const override;
  [[nodiscard]] std::string token_bytes(Token token) const override;
  [[nodiscard]] std::string token_name(Token token) const override;
  [[nodiscard]] bool ends_generation(Token token) const override { return token == kEos || token == kEndOfTurn; }
  [[nodiscard]] std::optional<Token> bos() const override { return kBos; }
  [[nodiscard]] std::optional<Token> eos() const override { return kEos; }
};

}  // namespace hearth::fake
