// SentencePiece BPE: neighbours merge whose union is the token of highest score, until none is a token.
#include <algorithm>
#include <bit>

#include "text/byte_tokens.h"
#include "text/model.h"
#include "text/token_index.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

class SpmModel final : public Model {
 public:
  explicit SpmModel(const VocabData& data) : data_(data), bytes_(data) {
    // Only what plain text may become is found by its bytes, so that "<s>" in a text stays four characters.
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const bool reachable = reachable_from_text(data, static_cast<TokenId>(idx));
      words_.push_back(reachable ? data.tokens[idx] : std::string_view());
      spaces_inside_ = spaces_inside_ || (reachable && has_space_inside(data.tokens[idx]));
    }
    index_ = TokenIndex(&words_);
    has_unused_ = std::ranges::find(data.types, TokenType::kUnused) != data.types.end();
  }

  void encode(std::string_view piece, ModelScratch& scratch, std::vector<TokenId>& out) const override {
    const std::size_t first = out.size();
    while (!piece.empty()) {
      const std::string_view word = first_word(piece);
      encode_word(word, first, scratch, out);
      piece.remove_prefix(word.size());
    }
  }

 private:
  /// A merge that made a token of type "unused": text that may have to come apart again.
  struct Merged {
    std::uint32_t begin = 0, left_bytes = 0, right_bytes = 0;
    friend auto operator<=>(const Merged&, const Merged&) = default;
  };

  /// As far as merges can reach: where no token has a space inside, merging words one by one is the same and faster.
  [[nodiscard]] std::string_view first_word(std::string_view piece) const {
    if (spaces_inside_) return piece;
    std::size_t at = 0;
    while (piece.substr(at).starts_with(kVisibleSpace)) at += kVisibleSpace.size();
    return piece.substr(0, piece.find(kVisibleSpace, at));
  }
  static bool has_space_inside(std::string_view token) {
    while (token.starts_with(kVisibleSpace)) token.remove_prefix(kVisibleSpace.size());
    return token.find(kVisibleSpace) != std::string_view::npos;
  }

  void encode_word(std::string_view piece, std::size_t first, ModelScratch& scratch, std::vector<TokenId>& out) const {
    start(piece, scratch);
    auto& symbols = scratch.symbols;
    auto& heap = scratch.heap;
    std::vector<Merged> unused;
    MergeCandidate candidate;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (find_candidate(piece, symbols, static_cast<std::int32_t>(i), candidate)) heap.push_back(candidate);
    }
    std::ranges::make_heap(heap, MergeCandidate::later);
    while (!heap.empty()) {
      std::ranges::pop_heap(heap, MergeCandidate::later);
      const MergeCandidate best = heap.back();
      heap.pop_back();
      Symbol& left = symbols[static_cast<std::size_t>(best.left())];
      if (left.n_bytes == 0 || left.next < 0) continue;
      Symbol& right = symbols[static_cast<std::size_t>(left.next)];
      if (left.n_bytes + right.n_bytes != best.n_bytes) continue;
      if (has_unused_ && type_of(data_, best.merged_id) == TokenType::kUnused) {
        unused.push_back({left.begin, left.n_bytes, right.n_bytes});
      }
      left.n_bytes += right.n_bytes;
      right.n_bytes = 0;
      left.next = right.next;
      if (right.next >= 0) symbols[static_cast<std::size_t>(right.next)].prev = best.left();
      consider(piece, left.prev, scratch);
      consider(piece, best.left(), scratch);
    }
    std::ranges::sort(unused);
    for (std::int32_t i = 0; i >= 0; i = symbols[static_cast<std::size_t>(i)].next) {
      append(piece, symbols[static_cast<std::size_t>(i)], unused, first, out);
    }
  }

  /// A score as a number that is lower the higher the score is. Scores are not NaN; -0 counts as 0.
  static std::uint32_t falling(float score) {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);
    return (bits & 0x80000000) != 0 ? bits : 0x7FFFFFFF - bits;
  }

  static void start(std::string_view piece, ModelScratch& scratch) {
    scratch.symbols.clear();
    scratch.heap.clear();
    for (std::size_t pos = 0; pos < piece.size();) {
      const Utf8Char next = decode_utf8(piece, pos);
      const auto i = static_cast<std::int32_t>(scratch.symbols.size());
      scratch.symbols.push_back({kNoToken, i - 1, i + 1, static_cast<std::uint32_t>(pos), next.n_bytes});
      pos += next.n_bytes;
    }
    scratch.symbols.back().next = -1;
  }

  /// The union of a symbol with its right neighbour, if it is a token.
  bool find_candidate(std::string_view piece, const std::vector<Symbol>& symbols, std::int32_t left,
                      MergeCandidate& found) const {
    const Symbol& a = symbols[static_cast<std::size_t>(left)];
    if (a.next < 0) return false;
    const std::uint32_t n_bytes = a.n_bytes + symbols[static_cast<std::size_t>(a.next)].n_bytes;
    const TokenId id = index_.find(piece.substr(a.begin, n_bytes));
    if (id == kNoToken) return false;
    const float score = data_.scores.empty() ? 0.0F : static_cast<float>(data_.scores[static_cast<std::size_t>(id)]);
    found = {static_cast<std::uint64_t>(falling(score)) << 32 | static_cast<std::uint32_t>(left), n_bytes, id};
    return true;
  }

  void consider(std::string_view piece, std::int32_t left, ModelScratch& scratch) const {
    MergeCandidate candidate;
    if (left < 0 || !find_candidate(piece, scratch.symbols, left, candidate)) return;
    scratch.heap.push_back(candidate);
    std::ranges::push_heap(scratch.heap, MergeCandidate::later);
  }

  /// The symbol's token; an unused token comes apart the way it was merged; text that is no token goes byte by byte,
  /// or is unknown where the vocabulary has no byte tokens (one unknown token per run, as SentencePiece has it).
  void append(std::string_view piece, const Symbol& symbol, const std::vector<Merged>& unused, std::size_t first,
              std::vector<TokenId>& out) const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> open{{symbol.begin, symbol.n_bytes}};
    while (!open.empty()) {
      const auto [begin, n_bytes] = open.back();
      open.pop_back();
      const std::string_view text = piece.substr(begin, n_bytes);
      const TokenId id = index_.find(text);
      if (id == kNoToken) {
        const TokenId unknown = data_.special.unk;
        if (bytes_.cover(text) || unknown == kNoToken) {
          bytes_.append(text, out);
        } else if (out.size() == first || out.back() != unknown) {
          out.push_back(unknown);
        }
        continue;
      }
      const auto parts =
          has_unused_ && type_of(data_, id) == TokenType::kUnused ? find_merge(unused, begin, n_bytes) : unused.end();
      if (parts == unused.end()) {
        out.push_back(id);
      } else {
        open.emplace_back(begin + parts->left_bytes, parts->right_bytes);
        open.emplace_back(begin, parts->left_bytes);
      }
    }
  }

  static std::vector<Merged>::const_iterator find_merge(const std::vector<Merged>& unused, std::uint32_t begin,
                                                        std::uint32_t n_bytes) {
    for (auto at = std::ranges::lower_bound(unused, Merged{begin, 0, 0}); at != unused.end() && at->begin == begin;
         ++at) {
      if (at->left_bytes + at->right_bytes == n_bytes) return at;
    }
    return unused.end();
  }

  const VocabData& data_;
  StringTable words_;
  TokenIndex index_;
  ByteTokens bytes_;
  bool has_unused_ = false;
  bool spaces_inside_ = false;
};

}  // namespace

Result<std::unique_ptr<Model>> make_spm_model(const VocabData& data) {
  return std::make_unique<SpmModel>(data);
}

}  // namespace hearth::text
