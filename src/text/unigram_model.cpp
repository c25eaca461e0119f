// Unigram: of all ways to cut a text into tokens, the one whose scores add up highest (Viterbi over characters).
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "text/byte_tokens.h"
#include "text/model.h"
#include "text/trie.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// Tokens longer than this are not found in text, so that time stays linear whatever the vocabulary.
constexpr std::size_t kLongestMatch = 512;
/// How much less than the rarest token an unknown character scores.
constexpr double kUnknownPenalty = 10;

class UnigramModel final : public Model {
 public:
  explicit UnigramModel(const VocabData& data) : data_(data), bytes_(data) {
    std::vector<TrieEntry> entries;
    double min_score = std::numeric_limits<double>::max();
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const auto id = static_cast<TokenId>(idx);
      const TokenType type = type_of(data, id);
      const double score = score_of(id);
      if (type == TokenType::kNormal) min_score = std::min(min_score, score);
      if (!reachable_from_text(data, id) || data.tokens[idx].size() > kLongestMatch) continue;
      if (type == TokenType::kUnused && data.sentencepiece_scores) continue;
      entries.push_back({data.tokens[idx], id});
    }
    trie_ = Trie(entries);
    unknown_score_ = min_score == std::numeric_limits<double>::max() ? 0.0 : min_score - kUnknownPenalty;
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

  [[nodiscard]] double score_of(TokenId id) const {
    return data_.scores.empty() ? 0.0 : data_.scores[static_cast<std::size_t>(id)];
  }

  [[nodiscard]] double score_in_text(TokenId id, std::size_t n_bytes) const {
    if (type_of(data_, id) != TokenType::kUserDefined) return score_of(id);
    return data_.sentencepiece_scores ? 0.1 * static_cast<double>(n_bytes - 1) : 0.0;
  }

  /// Sums are rounded to `Sum` before they are compared: the rounding is part of what the trained models expect.
  template <typename Sum>
  std::vector<Step> search(std::string_view piece) const {
    const auto n = static_cast<std::uint32_t>(piece.size());
    std::vector<Step> best(n + 1);
    std::vector<Sum> sums(n + 1, 0);
    std::vector<bool> reached(n + 1, false);
    std::uint32_t furthest = 0;
    const auto offer = [&](std::uint32_t begin, std::uint32_t end, TokenId id, double score) {
      const Sum sum = static_cast<Sum>(score) + sums[begin];
      furthest = std::max(furthest, end);
      if (reached[end] && !(sum > sums[end])) return;
      best[end] = {begin, id};
      sums[end] = sum;
      reached[end] = true;
    };
    for (std::uint32_t begin = 0; begin < n;) {
      if (std::is_same_v<Sum, float> && std::abs(sums[begin]) > kLargestSum)
        start_sums_anew(begin, furthest, reached, sums);
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
      if (!whole_char) offer(begin, begin + n_char, kNoToken, unknown_score_);
      begin += n_char;
    }
    return best;
  }

  /// Single precision wears out over long texts, so SentencePiece sets its sums back to zero past this size.
  static constexpr float kLargestSum = 100000.0F;
  template <typename Sum>
  static void start_sums_anew(std::uint32_t begin, std::uint32_t furthest, const std::vector<bool>& reached,
                              std::vector<Sum>& sums) {
    const Sum offset = sums[begin];
    for (std::uint32_t at = begin; at <= furthest; ++at) {
      if (at == begin || reached[at]) sums[at] -= offset;
    }
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
  double unknown_score_ = 0;
};

}  // namespace

Result<std::unique_ptr<Model>> make_unigram_model(const VocabData& data) {
  return std::make_unique<UnigramModel>(data);
}

}  // namespace hearth::text
