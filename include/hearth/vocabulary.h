// The vocabulary of a model: tokens <-> bytes, as every engine offers it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

using Token = std::int32_t;

struct EncodeOptions {
  /// Put BOS/CLS in front and EOS/SEP behind, as the model's files ask for.
  enum class Special { kAsModelSays, kNone } special = Special::kAsModelSays;
  /// Text that looks like a special token: plain text unless the text is trusted (a rendered template).
  enum class LooksSpecial { kPlainText, kParse } looks_special = LooksSpecial::kPlainText;
};

struct DecodeOptions {
  /// Control tokens are no part of the text, unless someone wants to see their names.
  enum class Special { kHide, kShow } special = Special::kHide;
};

/// A stretch of a prompt: written by a template, which may spell special tokens, or text of users, which never does.
struct PromptPart {
  std::string_view text;
  EncodeOptions::LooksSpecial looks_special = EncodeOptions::LooksSpecial::kPlainText;
};

/// Turns a stream of tokens into text pieces that are always valid UTF-8; an unfinished character waits for its rest.
class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  virtual std::string feed(Token token) = 0;
  /// What is left at the end; bytes that never became a character are U+FFFD.
  virtual std::string flush() = 0;
};

/// Immutable and safe to use from several threads.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::vector<Token> encode(std::string_view text, const EncodeOptions& options) const = 0;
  /// A whole prompt as one text: words run over the borders of parts, special tokens do not. BOS comes first where the
  /// model wants one and the prompt has not written it.
  [[nodiscard]] virtual std::vector<Token> encode_prompt(std::span<const PromptPart> parts) const = 0;
  [[nodiscard]] virtual std::unique_ptr<TokenDecoder> make_decoder() const = 0;
  /// The bytes of a whole list, which need not be valid UTF-8; ids outside the vocabulary show nothing.
  [[nodiscard]] virtual std::string decode(std::span<const Token> tokens, const DecodeOptions& options = {}) const = 0;
  /// The raw bytes a token stands for; empty for control tokens.
  [[nodiscard]] virtual std::string token_bytes(Token token) const = 0;
  /// How the file spells the token, for people: "<|eot_id|>".
  [[nodiscard]] virtual std::string token_name(Token token) const = 0;
  /// True for tokens that end a reply.
  [[nodiscard]] virtual bool ends_generation(Token token) const = 0;
  [[nodiscard]] virtual std::optional<Token> bos() const = 0;
  [[nodiscard]] virtual std::optional<Token> eos() const = 0;
};

/// Decodes a whole list at once, into valid UTF-8.
inline std::string decode_all(const Vocabulary& vocabulary, std::span<const Token> tokens) {
  const auto decoder = vocabulary.make_decoder();
  std::string text;
  for (const Token token : tokens) text += decoder->feed(token);
  return text + decoder->flush();
}

}  // namespace hearth
