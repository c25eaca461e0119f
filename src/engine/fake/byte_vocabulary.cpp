// A vocabulary without rules: bytes are tokens, so that scripts and tests can spell what they mean.
#include "engine/fake/byte_vocabulary.h"

#include <array>

#include "text/utf8.h"

#include <fmt/format.h>

namespace hearth::fake {

namespace {

constexpr std::array<std::string_view, 3> kSpecialNames = {"<bos>", "<eos>", "<end_of_turn>"};

bool is_byte(Token token) {
  return token >= 0 && token < kBos;
}

class ByteDecoder final : public TokenDecoder {
 public:
  std::string feed(Token token) override {
    if (!is_byte(token)) return {};
    held_ += static_cast<char>(token);
    const std::size_t complete = held_.size() - text::incomplete_utf8_tail(held_);
    std::string out = text::to_valid_utf8(std::string_view(held_).substr(0, complete));
    held_.erase(0, complete);
    return out;
  }
  std::string flush() override {
    std::string out = text::to_valid_utf8(held_);
    held_.clear();
    return out;
  }

 private:
  std::string held_;  // the beginning of a character
};

}  // namespace

std::vector<Token> ByteVocabulary::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<Token> tokens;
  if (options.special == EncodeOptions::Special::kAsModelSays) tokens.push_back(kBos);
  while (!text.empty()) {
    std::size_t taken = 0;
    for (std::size_t i = 0; i < kSpecialNames.size() && taken == 0; ++i) {
      if (options.looks_special != EncodeOptions::LooksSpecial::kParse || !text.starts_with(kSpecialNames[i])) continue;
      tokens.push_back(kBos + static_cast<Token>(i));
      taken = kSpecialNames[i].size();
    }
    if (taken == 0) {
      tokens.push_back(static_cast<unsigned char>(text.front()));
      taken = 1;
    }
    text.remove_prefix(taken);
  }
  return tokens;
}

std::vector<Token> ByteVocabulary::encode_prompt(std::span<const PromptPart> parts) const {
  std::vector<Token> tokens;
  for (const PromptPart& part : parts) {
    const auto more = encode(part.text, {EncodeOptions::Special::kNone, part.looks_special});
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  if (tokens.empty() || tokens.front() != kBos) tokens.insert(tokens.begin(), kBos);
  return tokens;
}

std::unique_ptr<TokenDecoder> ByteVocabulary::make_decoder() const {
  return std::make_unique<ByteDecoder>();
}

std::string ByteVocabulary::decode(std::span<const Token> tokens, const DecodeOptions& options) const {
  std::string bytes;
  for (const Token token : tokens) {
    const bool shown = options.special == DecodeOptions::Special::kShow && token >= kBos &&
                       static_cast<std::size_t>(token) < kVocabSize;
    bytes += shown ? token_name(token) : token_bytes(token);
  }
  return bytes;
}

std::string ByteVocabulary::token_bytes(Token token) const {
  return is_byte(token) ? std::string(1, static_cast<char>(token)) : std::string();
}

std::string ByteVocabulary::token_name(Token token) const {
  if (token < 0 || static_cast<std::size_t>(token) >= kVocabSize) return {};
  if (token >= kBos) return std::string(kSpecialNames[static_cast<std::size_t>(token - kBos)]);
  if (token > ' ' && token < 0x7f) return std::string(1, static_cast<char>(token));
  return fmt::format("<0x{:02X}>", token);
}

}  // namespace hearth::fake
