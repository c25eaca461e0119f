// The step from a piece of text to token ids: one implementation per kind of vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/piece_memo.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// A run of text that is one symbol so far, linked to its neighbours (-1 at the ends).
struct Symbol {
  std::int32_t id = kNoToken;
  std::int32_t prev = -1, next = -1;
  std::uint32_t begin = 0, n_bytes = 0;  // within the piece; n_bytes 0 once merged into its left neighbour
};

/// Two neighbours that may merge: the one with the lowest key goes first. It is outdated once the left symbol and its
/// right neighbour are no longer n_bytes long together, for symbols only ever grow.
struct MergeCandidate {
  std::uint64_t key = 0;  // rank or falling score in the upper half, index of the left symbol in the lower
  std::uint32_t n_bytes = 0;
  std::int32_t merged_id = kNoToken;

  [[nodiscard]] std::int32_t left() const { return static_cast<std::int32_t>(key & 0xFFFFFFFF); }
  /// For std heaps, whose front is the greatest: `a` goes after `b`.
  static bool later(const MergeCandidate& a, const MergeCandidate& b) { return a.key > b.key; }
};

/// Memory that the pieces of one text use one after the other.
struct ModelScratch {
  std::vector<Symbol> symbols;
  std::vector<std::uint64_t> hashes;  // of the symbols' texts, where a model keeps them
  std::vector<MergeCandidate> heap;
  std::string text;
  PieceMemo memo;
};

class Model {
 public:
  virtual ~Model() = default;
  /// Appends the ids of `piece`. Safe from several threads, each with its own scratch. At most 2^30 bytes.
  virtual void encode(std::string_view piece, ModelScratch& scratch, std::vector<TokenId>& out) const = 0;
};

/// `data` must outlive the model, in place.
Result<std::unique_ptr<Model>> make_spm_model(const VocabData& data);
Result<std::unique_ptr<Model>> make_bpe_model(const VocabData& data);
Result<std::unique_ptr<Model>> make_word_piece_model(const VocabData& data);
Result<std::unique_ptr<Model>> make_unigram_model(const VocabData& data);
Result<std::unique_ptr<Model>> make_word_level_model(const VocabData& data);
Result<std::unique_ptr<Model>> make_greedy_model(const VocabData& data);

/// The type of a token, kNormal where the vocabulary gives none.
inline TokenType type_of(const VocabData& data, TokenId id) {
  return data.types.empty() ? TokenType::kNormal : data.types[static_cast<std::size_t>(id)];
}
/// Whether plain text may become this token: never a control, unknown or byte token by its name.
inline bool reachable_from_text(const VocabData& data, TokenId id) {
  const TokenType type = type_of(data, id);
  return type != TokenType::kControl && type != TokenType::kUnknown && type != TokenType::kByte;
}

}  // namespace hearth::text
