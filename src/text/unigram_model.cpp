// Unigram: of all ways to cut a text into tokens, the one whose scores add up highest (Viterbi over characters).
#include <algorithm>
#include <limits>

#include "text/byte_tokens.h"
#include "text/model.h"
#include "text/trie.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// Tokens longer than this are not found in text, so that time stays linear whatever the vocabulary.
constexpr std::size_t kLongestMatch = 512;

class UnigramModel final : public Model {
 public:
  explicit UnigramModel(const VocabData& data) : data_(data), bytes_(data) {
    std::vector<TrieEntry> entries;
    float min_score = std::numeric_limits<float>::max();
    float max_score = std::numeric_limits<float>::lowest();
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const auto id = static_cast<TokenId>(idx);
      const TokenType type = type_of(data, id);
      const float score = score_of(id);
      if (type == TokenType::kNormal) {
        min_score = std::min(min_score, score);
        max_score = std::max(max_score, score);
      }
      if (!reachable_from_text(data, id) || data.tokens[idx].size() > kLongestMatch) continue;
      if (type == TokenType::kUnused && data.sentencepiece_scores) continue;
      entries.push_back({data.tokens[idx], id});
    }
    trie_ = Trie(entries);
    max_score_ = max_score;
    unknown_score_ = min_score == std::numeric_limits<float>::max() ? 0.0F : min_score - data.unknown_penalty;
  }

  void encode(std::string_view piece, ModelScratch& /*scratch*/, std::vector<TokenId>& out) const override {
    if (piece.empty()) return;
    const std::vector<Step> best = data_.sentencepiece_scores ? search<float>(piece) : search<double>(piece);
    std::vector<std::uint32_t> ends;
    for (auto end = static_cast<std::uint32_t>(piece.size()); end > 0; end = best[end].begin) ends.push_back(end);
    bool after_unknown = false;
    for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
      const Step& step = best[*end];
      const bool unknown = step.id == kNoToken;
      if (!unknown) {
        out.push_back(step.id);
      } else {
        append_unknown(piece.substr(step.begin, *end - step.begin), after_unknown, out);
      }
      after_unknown = unknown;
    }
  }

 private:
  /// The best token that ends at a byte of the text: where it begins, and its id (kNoToken: unknown).
  struct Step {
    std::uint32_t begin = 0;
    TokenId id = kNoToken;
  };

  [[nodiscard]] float score_of(TokenId id) const {
    return data_.scores.empty() ? 0.0F : data_.scores[static_cast<std::size_t>(id)];
  }

  [[nodiscard]] double score_in_text(TokenId id, std::size_t n_bytes) const {
    if (type_of(data_, id) != TokenType::kUserDefined) return static_cast<double>(score_of(id));
    return data_.sentencepiece_scores ? static_cast<double>(static_cast<float>(n_bytes) * max_score_) - 0.1 : 0.0;
  }

  /// Sums are kept as `Sum`, compared in double: the rounding is part of what the trained models expect.
  template <typename Sum>
  std::vector<Step> search(std::string_view piece) const {
    const auto n = static_cast<std::uint32_t>(piece.size());
    std::vector<Step> best(n + 1);
    std::vector<Sum> sums(n + 1, std::numeric_limits<Sum>::lowest());
    std::vector<bool> reached(n + 1, false);
    sums[0] = 0;
    const auto offer = [&](std::uint32_t begin, std::uint32_t end, TokenId id, double score) {
      const double sum = score + static_cast<double>(sums[begin]);
      if (reached[end] && !(sum > static_cast<double>(sums[end]))) return;
      best[end] = {begin, id};
      sums[end] = static_cast<Sum>(sum);
      reached[end] = true;
    };
    for (std::uint32_t begin = 0; begin < n;) {
      const std::uint32_t n_char = decode_utf8(piece, begin).n_bytes;
      bool whole_char = false;
      std::uint32_t node = 0;
      for (std::uint32_t end = begin; end < n;) {
        node = trie_.child(node, static_cast<unsigned char>(piece[end++]));
        if (node == 0) break;
        const TokenId id = trie_.value(node);
        if (id < 0) continue;
        offer(begin, end, id, score_in_text(id, end - begin));
        whole_char = whole_char || end - begin == n_char;
      }
      if (!whole_char) offer(begin, begin + n_char, kNoToken, static_cast<double>(unknown_score_));
      begin += n_char;
    }
    return best;
  }

  void append_unknown(std::string_view text, bool after_unknown, std::vector<TokenId>& out) const {
    const TokenId unknown = data_.special.unk;
    if (data_.byte_fallback && bytes_.cover(text)) {
      bytes_.append(text, out);
    } else if (unknown != kNoToken && !(after_unknown && !out.empty() && out.back() == unknown)) {
      out.push_back(unknown);
    }
  }

  const VocabData& data_;
  ByteTokens bytes_;
  Trie trie_;
  float max_score_ = 0;
  float unknown_score_ = 0;
};

}  // namespace

Result<std::unique_ptr<Model>> make_unigram_model(const VocabData& data) {
  return std::make_unique<UnigramModel>(data);
}

}  // namespace hearth::text
