// Everything that defines a tokenizer, as plain data: what the readers of files fill and Tokenizer::make compiles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "text/string_table.h"

namespace hearth::text {

using TokenId = std::int32_t;
inline constexpr TokenId kNoToken = -1;

enum class VocabKind : std::uint8_t {
  kNone,       // no vocabulary: ids only
  kSpm,        // SentencePiece BPE: merge the neighbours whose union has the highest score
  kBpe,        // merge the neighbours that the merge list ranks first
  kWordPiece,  // longest match from the left, word by word
  kUnigram,    // the segmentation with the highest sum of scores
  kWordLevel,  // a word is a token or unknown
  kGreedy,     // longest match from the left over the whole text (RWKV)
};

/// Numbered as GGUF's tokenizer.ggml.token_type and SentencePiece's ModelProto.SentencePiece.Type number them.
enum class TokenType : std::uint8_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

/// A token that is looked for in the text before anything else is done to it.
struct AddedToken {
  TokenId id = kNoToken;
  bool lstrip = false;       // swallows white space before it
  bool rstrip = false;       // swallows white space after it
  bool single_word = false;  // only between non-word characters
  bool normalized = false;   // looked for in the normalized text instead of the raw one, its name normalized likewise
  bool as_spelled = false;   // with `normalized`: the name is not normalized
  bool special = false;      // looked for only where the caller asks for special tokens
};

struct SpecialIds {
  TokenId bos = kNoToken, eos = kNoToken, eot = kNoToken, eom = kNoToken, unk = kNoToken, sep = kNoToken;
  TokenId pad = kNoToken, cls = kNoToken, mask = kNoToken;
  TokenId fim_prefix = kNoToken, fim_suffix = kNoToken, fim_middle = kNoToken;
  TokenId fim_pad = kNoToken, fim_repo = kNoToken, fim_separator = kNoToken;
};

/// One rewriting of a text segment before it is cut into words.
struct NormalizerStep {
  enum class Kind : std::uint8_t {
    kNfc,
    kNfd,
    kNfkc,
    kNfkd,
    kLowercase,
    kStripAccents,  // drops characters of category Mn
    kStrip,         // white space at the `left` and/or `right` end
    kReplaceText,   // every `pattern` becomes `content`
    kReplaceRegex,
    kPrepend,        // `content` before a text that is not empty
    kBert,           // clean_text, handle_chinese, strip_accents, lowercase
    kCharsmap,       // SentencePiece's precompiled map (`content` holds it), character cluster by character cluster
    kNmt,            // control characters out, odd spaces to U+0020
    kSentencePiece,  // the whole of SentencePiece's normalizer, see the fields below
    kByteAlphabet,   // every byte as a character of the byte alphabet
  };
  Kind kind = Kind::kNfc;
  std::string pattern;
  std::string content;
  bool left = true, right = true;                                                           // kStrip
  bool clean_text = true, handle_chinese = true, strip_accents = false, lowercase = false;  // kBert
  bool add_dummy_prefix = true, remove_extra_spaces = true, escape_spaces = true, space_as_suffix = false;
};

/// What becomes of the delimiter that a split found.
enum class SplitBehavior : std::uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// One way of cutting text into pieces that the model then encodes one by one.
struct PreTokenizerStep {
  enum class Kind : std::uint8_t {
    kSplitText,   // at every `pattern`
    kSplitRegex,  // at every match of `pattern`
    kByteLevel,   // add_prefix_space, use_regex (the GPT-2 pattern); pieces continue in the byte alphabet
    kMetaspace,   // `content` for spaces, prepend, split
    kDigits,      // individual
    kPunctuation,
    kWhitespace,  // \w+|[^\w\s]+
    kWhitespaceSplit,
    kBert,
    kUnicodeScripts,
    kDigitGroups,  // runs of digits in threes counted from the right
  };
  enum class Prepend : std::uint8_t { kNever, kFirst, kAlways };
  Kind kind = Kind::kSplitRegex;
  std::string pattern;
  std::string content;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;
  bool add_prefix_space = false;
  bool use_regex = true;
  bool individual = false;
  bool split = true;
  Prepend prepend = Prepend::kAlways;
};

/// One step from token strings back to text. Where a vocabulary names none, its kind decides.
struct DecoderStep {
  enum class Kind : std::uint8_t {
    kByteLevel,
    kReplaceText,   // `pattern` becomes `content`
    kByteFallback,  // <0xHH> becomes that byte
    kFuse,          // what follows works on the joined text
    kStrip,         // up to `start` / `stop` times `content` at the ends
    kMetaspace,     // `content` becomes a space, none at the start unless `prepend` is off
    kWordPiece,     // `content` marks a continuation; `cleanup` mends spaces before punctuation
    kBpeSuffix,     // `content` ends a word
  };
  Kind kind = Kind::kFuse;
  std::string pattern;
  std::string content;
  std::uint32_t start = 0, stop = 0;
  bool prepend = true;
  bool cleanup = false;
};

struct VocabData {
  VocabKind kind = VocabKind::kNone;
  StringTable tokens;            // bytes as the file has them, index = id
  std::vector<double> scores;    // empty or one per token
  std::vector<TokenType> types;  // empty (all normal) or one per token
  std::vector<AddedToken> added_tokens;

  // BPE
  StringTable merges;                // entries 2 i and 2 i + 1: left and right of the merge of rank i
  bool merge_by_token_rank = false;  // no list: two neighbours merge when their union is a token, lowest id first
  bool byte_level = false;           // the tokens are written in the byte alphabet
  bool byte_fallback = false;        // unknown characters become tokens <0xHH>
  bool ignore_merges = false;        // a piece that is a token as a whole is taken as such
  bool fuse_unk = false;             // neighbouring unknown characters become one unknown token
  bool drop_unknown = false;         // what no token covers is left out, though a token may be called unknown
  bool newlines_are_tokens = false;  // a piece of line feeds alone is taken whole where it is a token
  std::string continuing_prefix;     // of every symbol of a word but the first ("##")
  std::string end_of_word_suffix;    // of the last symbol of a word ("</w>")

  // WordPiece: words longer than this are unknown. GGUF writes word starts with U+2581 instead of marking
  // continuations.
  std::uint32_t max_word_chars = 0;  // 0: no limit
  bool phantom_space = false;

  // Unigram: SentencePiece sums in single precision, favours user-defined tokens and passes over unused ones; Hugging
  // Face and GGUF's reference sum in double and do neither.
  bool sentencepiece_scores = false;

  /// GGUF's tokenizer.ggml.pre; when not empty, it decides the steps below and the BPE flags it is known for.
  std::string pre;
  std::vector<NormalizerStep> normalizers;
  std::vector<PreTokenizerStep> pre_tokenizers;
  std::vector<DecoderStep> decoders;

  SpecialIds special;
  std::vector<TokenId> end_of_generation;
  bool add_bos = false, add_eos = false, add_sep = false;
  /// What a template of the tokenizer puts around one text; where absent, bos, eos and sep by the flags above.
  struct Template {
    std::vector<TokenId> before, after;
  };
  std::optional<Template> text_template;
  bool add_space_prefix = false;  // the text's first token shows a space that the text has not
};

}  // namespace hearth::text
