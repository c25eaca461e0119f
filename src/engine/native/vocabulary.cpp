// text::Tokenizer behind hearth::Vocabulary.
#include "engine/native/vocabulary.h"

#include <utility>

#include "models/vocab_from_metadata.h"
#include "text/segments.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace hearth::native {

namespace {

class Decoder final : public TokenDecoder {
 public:
  explicit Decoder(const text::Tokenizer& tokenizer) : stream_(tokenizer) {}
  std::string feed(Token token) override { return stream_.feed(token); }
  std::string flush() override { return stream_.flush(); }

 private:
  text::StreamDecoder stream_;
};

class TokenizerVocabulary final : public Vocabulary {
 public:
  explicit TokenizerVocabulary(text::Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  [[nodiscard]] std::size_t size() const override { return tokenizer_.vocab_size(); }
  [[nodiscard]] std::vector<Token> encode(std::string_view text, const EncodeOptions& options) const override {
    return tokenizer_.encode(text, {.add_special = options.special == EncodeOptions::Special::kAsModelSays,
                                    .parse_special = options.looks_special == EncodeOptions::LooksSpecial::kParse});
  }
  [[nodiscard]] std::vector<Token> encode_prompt(std::span<const PromptPart> parts) const override {
    std::vector<text::Segment> segments;
    for (const PromptPart& part : parts) {
      const bool trusted = part.looks_special == EncodeOptions::LooksSpecial::kParse;
      segments.push_back({trusted ? text::SegmentKind::kTemplate : text::SegmentKind::kData, std::string(part.text)});
    }
    return *text::tokenize_segments(tokenizer_, segments);  // fails for media only
  }
  [[nodiscard]] std::unique_ptr<TokenDecoder> make_decoder() const override {
    return std::make_unique<Decoder>(tokenizer_);
  }
  [[nodiscard]] std::string decode(std::span<const Token> tokens, const DecodeOptions& options) const override {
    return tokenizer_.decode(tokens, {.show_special = options.special == DecodeOptions::Special::kShow});
  }
  [[nodiscard]] std::string token_bytes(Token token) const override {
    return tokenizer_.is_control(token) ? std::string() : std::string(tokenizer_.token_bytes(token));
  }
  [[nodiscard]] std::string token_name(Token token) const override { return std::string(tokenizer_.token_name(token)); }
  [[nodiscard]] bool ends_generation(Token token) const override { return tokenizer_.is_end_of_generation(token); }
  [[nodiscard]] std::optional<Token> bos() const override { return present(tokenizer_.special().bos); }
  [[nodiscard]] std::optional<Token> eos() const override { return present(tokenizer_.special().eos); }

 private:
  static std::optional<Token> present(text::TokenId id) {
    return id == text::kNoToken ? std::nullopt : std::optional<Token>(id);
  }
  text::Tokenizer tokenizer_;
};

}  // namespace

Result<std::unique_ptr<Vocabulary>> make_vocabulary(text::VocabData data) {
  HEARTH_TRY(text::Tokenizer tokenizer, text::Tokenizer::make(std::move(data)));
  return std::make_unique<TokenizerVocabulary>(std::move(tokenizer));
}

Result<std::unique_ptr<Vocabulary>> read_vocabulary(const ModelFile& file) {
  HEARTH_TRY(text::VocabData data, vocab_from_metadata(file));
  if (data.kind == text::VocabKind::kNone) return nullptr;
  return make_vocabulary(std::move(data));
}

}  // namespace hearth::native
