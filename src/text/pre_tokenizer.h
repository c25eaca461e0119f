// Cuts a text into the pieces that a model encodes one by one: the pre-tokenizer steps of a vocabulary, compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/char_class.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// A text and its pieces, as character ranges. Steps that rewrite the text keep the new one here.
struct PieceList {
  struct Range {
    std::uint32_t begin = 0, end = 0;
  };
  std::string owned;  // the text, where a step changed it
  Chars chars;        // over the caller's bytes or over `owned`
  std::vector<CharFlags> flags;
  std::vector<Range> pieces;
  bool starts_text = true;  // whether the first piece begins the whole text

  [[nodiscard]] std::string_view piece(std::size_t idx) const {
    const Range& range = pieces[idx];
    return chars.bytes.substr(chars.byte_at[range.begin], chars.byte_at[range.end] - chars.byte_at[range.begin]);
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(PieceList& list) const = 0;
};

/// The steps, compiled. A trailing byte-level step leaves the pieces raw where `model_takes_bytes`.
Result<std::vector<std::unique_ptr<PreTokenizer>>> make_pre_tokenizers(const std::vector<PreTokenizerStep>& steps,
                                                                       bool model_takes_bytes);

/// One piece holding all of `bytes`, which must outlive the list where no step rewrites it. At most 2^30 bytes.
PieceList whole_piece(std::string_view bytes, bool starts_text);

/// What is known of a vocabulary by the name of its pre-tokenizer alone (GGUF's tokenizer.ggml.pre).
struct PreTokenizerTraits {
  bool ignore_merges = false;  // a piece that is a token is taken whole
  bool add_bos = false;        // the defaults where the file does not say
  bool add_sep = false;
  bool no_bos = false;          // no default BOS id either
  bool visible_spaces = false;  // U+2581 for spaces, characters instead of bytes, byte fallback
  bool newline_tokens = false;  // runs of line feeds are taken whole
};
/// An unknown name is refused with the list of those known.
Result<PreTokenizerTraits> pre_tokenizer_traits(std::string_view name);
std::vector<std::string_view> pre_tokenizer_names();

/// Fills the steps and the BPE flags of `data` that its `pre` stands for.
Status apply_pre_tokenizer_name(VocabData& data);

}  // namespace hearth::text
