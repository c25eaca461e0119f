// Any text through a small vocabulary of each kind: what has bytes goes there and back, and streams stay valid UTF-8.
// The first byte of the input chooses the vocabulary.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/special_names.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using namespace hearth::text;

Tokenizer byte_level(std::string_view pre) {
  VocabData data;
  data.kind = VocabKind::kBpe;
  data.pre = pre;
  for (int byte = 0; byte < 256; ++byte)
    data.tokens.push_back(to_byte_alphabet(std::string(1, static_cast<char>(byte))));
  for (const char* pair : {"ab", " a", "12", "\n\n", "  ", "\xC3\xA9"}) {
    data.merges.push_back(to_byte_alphabet(std::string(1, pair[0])));
    data.merges.push_back(to_byte_alphabet(std::string(1, pair[1])));
    data.tokens.push_back(to_byte_alphabet(pair));
  }
  if (pre == "gemma4" || pre == "sarvam-moe" || pre == "granite-embed-multi-311m") {
    data.tokens.clear();
    for (int byte = 0; byte < 256; ++byte) {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      data.tokens.push_back(std::string{"<0x"} + kDigits[byte / 16] + kDigits[byte % 16] + ">");
    }
    data.tokens.push_back(kVisibleSpace);
  }
  data.tokens.push_back("<|im_end|>");
  settle_special_names(data);
  add_tokens_by_type(data);
  return *Tokenizer::make(std::move(data));
}

Tokenizer unigram() {
  VocabData data;
  data.kind = VocabKind::kUnigram;
  for (const char* token : {"<unk>", "\xE2\x96\x81", "a", "b", "ab",
                            "\xE2\x96\x81"
                            "a",
                            "1"}) {
    data.tokens.push_back(token);
    data.scores.push_back(-static_cast<double>(data.tokens.size()));
    data.types.push_back(data.tokens.size() == 1 ? TokenType::kUnknown : TokenType::kNormal);
  }
  data.special.unk = 0;
  NormalizerStep step;
  step.kind = NormalizerStep::Kind::kSentencePiece;
  data.normalizers.push_back(step);
  return *Tokenizer::make(std::move(data));
}

/// One of each kind.
const std::vector<Tokenizer>& tokenizers() {
  static const auto* all = [] {
    auto* made = new std::vector<Tokenizer>;
    for (const std::string_view name : pre_tokenizer_names()) made->push_back(byte_level(name));
    made->push_back(unigram());
    return made;
  }();
  return *all;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

/// Making them may take longer than one input is allowed to.
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  tokenizers();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t n_bytes) {
  if (n_bytes == 0) return 0;
  const std::size_t choice = bytes[0] % tokenizers().size();
  const Tokenizer& tokenizer = tokenizers()[choice];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, n_bytes - 1);
  const bool visible_spaces = text.find(kVisibleSpace) != std::string_view::npos;
  for (const bool parse_special : {false, true}) {
    const auto ids = tokenizer.encode(text, {.parse_special = parse_special});
    const std::string shown = tokenizer.decode(ids, {.show_special = true});
    StreamDecoder stream(tokenizer, {.show_special = true});
    std::string streamed;
    for (const TokenId id : ids) {
      const std::string part = stream.feed(id);
      require(to_valid_utf8(part) == part);
      streamed += part;
    }
    require(streamed + stream.flush() == to_valid_utf8(shown));
    if (choice + 1 < tokenizers().size() && !visible_spaces) require(shown == text);
  }
  return 0;
}
