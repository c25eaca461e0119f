// The models that take the longest token from the left: WordPiece word by word, RWKV over the whole text; and
// WordLevel, where a word is a token or unknown.
#include "text/model.h"
#include "text/token_index.h"
#include "text/trie.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// The longest match at each byte of a text, forwards: value -1 where nothing matches.
std::vector<StringMatcher::Hit> hits_by_place(const StringMatcher& matcher, std::string_view text) {
  std::vector<StringMatcher::Hit> places(text.size(), {0, 0, -1});
  for (const StringMatcher::Hit& hit : matcher.hits_from_the_end(text)) places[hit.begin] = hit;
  return places;
}

class WordPieceModel final : public Model {
 public:
  explicit WordPieceModel(const VocabData& data) : data_(data) {
    std::vector<TrieEntry> starts;
    std::vector<TrieEntry> continuations;
    const std::string& prefix = data.continuing_prefix;
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const auto id = static_cast<TokenId>(idx);
      if (!reachable_from_text(data, id)) continue;
      const std::string_view token = data.tokens[idx];
      if (data.phantom_space) {  // the mark alone continues a word: it was "##" and the mark before the file was made
        const bool starts_word = token.starts_with(kVisibleSpace) && token.size() > kVisibleSpace.size();
        (starts_word ? starts : continuations).push_back({token, id});
        continue;
      }
      starts.push_back({token, id});
      if (!prefix.empty() && token.starts_with(prefix)) continuations.push_back({token.substr(prefix.size()), id});
    }
    starts_ = StringMatcher(starts);
    continuations_ = StringMatcher(continuations);
  }

  void encode(std::string_view piece, ModelScratch& scratch, std::vector<TokenId>& out) const override {
    if (piece.empty()) return;
    const std::size_t first = out.size();
    scratch.text.assign(data_.phantom_space ? kVisibleSpace : std::string_view());
    scratch.text.append(piece);
    if (is_too_long(piece) || !match(scratch.text, out)) {
      out.resize(first);
      if (data_.special.unk != kNoToken) out.push_back(data_.special.unk);
    }
  }

 private:
  [[nodiscard]] bool is_too_long(std::string_view word) const {
    if (data_.max_word_chars == 0) return false;
    std::size_t n_chars = 0;
    for (std::size_t pos = 0; pos < word.size(); pos += decode_utf8(word, pos).n_bytes) ++n_chars;
    return n_chars > data_.max_word_chars;
  }

  [[nodiscard]] bool match(std::string_view word, std::vector<TokenId>& out) const {
    const auto starts = hits_by_place(starts_, word);
    const auto continuations = hits_by_place(continuations_, word);
    for (std::size_t pos = 0; pos < word.size();) {
      const StringMatcher::Hit& hit = pos == 0 ? starts[pos] : continuations[pos];
      if (hit.value < 0) return false;
      out.push_back(hit.value);
      pos = hit.end;
    }
    return true;
  }

  const VocabData& data_;
  StringMatcher starts_, continuations_;
};

class GreedyModel final : public Model {
 public:
  explicit GreedyModel(const VocabData& data) : unknown_(data.special.unk) {
    std::vector<TrieEntry> entries;
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const auto id = static_cast<TokenId>(idx);
      if (reachable_from_text(data, id)) entries.push_back({data.tokens[idx], id});
    }
    matcher_ = StringMatcher(entries);
  }

  void encode(std::string_view piece, ModelScratch& /*scratch*/, std::vector<TokenId>& out) const override {
    const auto places = hits_by_place(matcher_, piece);
    for (std::size_t pos = 0; pos < piece.size();) {
      if (places[pos].value >= 0) {
        out.push_back(places[pos].value);
        pos = places[pos].end;
      } else {
        if (unknown_ != kNoToken) out.push_back(unknown_);
        ++pos;
      }
    }
  }

 private:
  TokenId unknown_;
  StringMatcher matcher_;
};

class WordLevelModel final : public Model {
 public:
  explicit WordLevelModel(const VocabData& data) : unknown_(data.special.unk), index_(&data.tokens) {}

  void encode(std::string_view piece, ModelScratch& /*scratch*/, std::vector<TokenId>& out) const override {
    const TokenId id = index_.find(piece);
    if (id != kNoToken) {
      out.push_back(id);
    } else if (unknown_ != kNoToken) {
      out.push_back(unknown_);
    }
  }

 private:
  TokenId unknown_;
  TokenIndex index_;
};

}  // namespace

Result<std::unique_ptr<Model>> make_word_piece_model(const VocabData& data) {
  return std::make_unique<WordPieceModel>(data);
}
Result<std::unique_ptr<Model>> make_word_level_model(const VocabData& data) {
  return std::make_unique<WordLevelModel>(data);
}
Result<std::unique_ptr<Model>> make_greedy_model(const VocabData& data) {
  return std::make_unique<GreedyModel>(data);
}

}  // namespace hearth::text
