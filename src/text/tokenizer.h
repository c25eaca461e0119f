// Text to token ids and back, for every kind of vocabulary, behind one immutable object.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/added_tokens.h"
#include "text/vocab_data.h"

namespace hearth::text {

struct EncodeOptions {
  bool add_special = true;     // BOS, EOS, CLS, SEP as the vocabulary wants them around a text
  bool parse_special = false;  // text that spells a special token becomes that token; else it stays plain text
};

struct DecodeOptions {
  bool show_special = false;        // control and unknown tokens by their names instead of not at all
  bool strip_leading_space = true;  // the space that the vocabulary puts before a text; off to continue a text
};

/// Immutable; every member is safe from several threads. Copies share one vocabulary.
class Tokenizer {
 public:
  /// Checks `data` (lengths, ids in range, charsmap, patterns) and compiles it.
  static Result<Tokenizer> make(VocabData data);

  /// The ids of `text`, any bytes. Invalid UTF-8 goes through byte by byte where the vocabulary has bytes.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// The ids of a prompt: all of it encoded as one text, but special tokens, and those that frame messages, only where
  /// one of the ranges `trusted` (ascending, apart from each other) holds their whole spelling. Adds nothing around it.
  [[nodiscard]] std::vector<TokenId> encode_prompt(std::string_view text, std::span<const ByteRange> trusted) const;
  /// The bytes of `ids`; not always valid UTF-8 (see StreamDecoder, to_valid_utf8). Ids out of range show nothing.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, const DecodeOptions& options = {}) const;

  [[nodiscard]] std::size_t vocab_size() const;
  /// The bytes that a token stands for, spaces as spaces; of a control token its name; nothing for an id out of range.
  [[nodiscard]] std::string_view token_bytes(TokenId id) const;
  /// The token as the vocabulary writes it.
  [[nodiscard]] std::string_view token_name(TokenId id) const;
  /// The token with this name, special ones included, or kNoToken. Looks through the whole vocabulary.
  [[nodiscard]] TokenId find_token(std::string_view name) const;
  [[nodiscard]] TokenType type(TokenId id) const;
  [[nodiscard]] bool is_end_of_generation(TokenId id) const;
  /// Hidden when text is shown: control and unknown tokens.
  [[nodiscard]] bool is_control(TokenId id) const;
  [[nodiscard]] const SpecialIds& special() const;
  [[nodiscard]] const VocabData& data() const;
  /// Whether the first token of a text shows a space that the text has not.
  [[nodiscard]] bool has_leading_space() const;

 private:
  struct State;
  Tokenizer() = default;
  std::shared_ptr<const State> state_;
};

}  // namespace hearth::text
