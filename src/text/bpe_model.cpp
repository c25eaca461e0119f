// Byte-pair encoding: neighbours merge in the order of the merge list (or of token ids), leftmost first.
//
// While they merge, symbols are spans of the spelled piece (as the vocabulary writes it: the byte alphabet, a suffix at
// the end), looked up by their text; only what remains becomes ids.
#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <fmt/format.h>

#include "text/byte_alphabet.h"
#include "text/byte_tokens.h"
#include "text/merge_table.h"
#include "text/model.h"
#include "text/token_index.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// Symbol::id of what merges although no token is spelled so, and of a merged symbol before it is looked up.
constexpr std::int32_t kNoTokenYet = -2;

class BpeModel final : public Model {
 public:
  explicit BpeModel(const VocabData& data)
      : data_(data), index_(&data.tokens, TokenIndex::Fill::kNothing), bytes_(data) {
    index_.reserve(data.tokens.size());
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      if (reachable_from_text(data, static_cast<TokenId>(idx)) && !spelled_as_text(idx))
        index_.insert(static_cast<TokenId>(idx));
    }
    if (!data.merge_by_token_rank) {
      merges_ = MergeTable(&data.merges);
      for (std::size_t idx = 0; idx < data.merges.size(); ++idx) remember_first_symbol(data.merges[idx]);
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
      append_utf8(byte_spellings_[byte], byte_to_alphabet(static_cast<std::uint8_t>(byte)));
      byte_symbols_[byte] = first_symbol(byte_spellings_[byte]);
    }
  }

  void encode(std::string_view piece, ModelScratch& scratch, std::vector<TokenId>& out) const override {
    if (piece.empty()) return;
    if (const TokenId whole = whole_token(piece, scratch.text); whole != kNoToken) {
      out.push_back(whole);
      return;
    }
    scratch.symbols.clear();
    scratch.text.clear();
    if (data_.byte_level) {
      start_with_bytes(piece, scratch);
    } else {
      start_with_chars(piece, scratch);
    }
    auto& symbols = scratch.symbols;
    if (symbols.empty()) return;
    scratch.hashes.resize(symbols.size());
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      symbols[i].prev = static_cast<std::int32_t>(i) - 1;
      symbols[i].next = i + 1 < symbols.size() ? static_cast<std::int32_t>(i) + 1 : -1;
      hash_symbol(i, scratch);
    }
    merge(scratch);
    for (std::int32_t i = 0; i >= 0; i = symbols[static_cast<std::size_t>(i)].next) {
      append(static_cast<std::size_t>(i), scratch, out);
    }
  }

 private:
  /// User-defined tokens are not written in the byte alphabet: DeepSeek Coder's U+00F8 is that letter, not byte 0xF8.
  [[nodiscard]] bool spelled_as_text(std::size_t idx) const {
    return data_.byte_level && !data_.types.empty() && data_.types[idx] == TokenType::kUserDefined &&
           std::ranges::any_of(data_.tokens[idx], [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; });
  }

  /// Parts of merges that texts can begin with: a character, with the marks of its place in the word.
  void remember_first_symbol(std::string_view part) {
    const std::string_view prefix = data_.continuing_prefix, suffix = data_.end_of_word_suffix;
    std::string_view character = part;
    if (!prefix.empty() && character.starts_with(prefix)) character.remove_prefix(prefix.size());
    if (!suffix.empty() && character.ends_with(suffix)) character.remove_suffix(suffix.size());
    if (character.empty() || character.size() > 4 || decode_utf8(character, 0).n_bytes != character.size()) return;
    if (index_.find(part) == kNoToken) tokenless_.emplace(part);
  }
  [[nodiscard]] std::int32_t first_symbol(std::string_view text) const {
    const TokenId id = index_.find(text);
    return id == kNoToken && !tokenless_.empty() && tokenless_.contains(text) ? kNoTokenYet : id;
  }

  [[nodiscard]] TokenId whole_token(std::string_view piece, std::string& buffer) const {
    const bool newlines = data_.newlines_are_tokens && piece.find_first_not_of('\n') == std::string_view::npos;
    if (!data_.ignore_merges && !newlines) return kNoToken;
    if (piece.size() > index_.longest()) return kNoToken;
    if (!data_.byte_level) return index_.find(piece);
    buffer.clear();
    for (const char byte : piece) buffer += byte_spellings_[static_cast<unsigned char>(byte)];
    return index_.find(buffer);
  }

  void add_symbol(std::int32_t id, std::string_view spelled, ModelScratch& scratch) const {
    scratch.symbols.push_back(
        {id, -1, -1, static_cast<std::uint32_t>(scratch.text.size()), static_cast<std::uint32_t>(spelled.size())});
    scratch.text += spelled;
  }
  /// Unknown characters go before the merging, so that their neighbours meet. The first leaves a byte, so that the one
  /// behind it is not taken for the beginning of the word.
  [[nodiscard]] bool drop(std::int32_t id, ModelScratch& scratch) const {
    if (id != kNoToken || !data_.drop_unknown) return false;
    if (scratch.text.empty()) scratch.text.push_back('\0');
    return true;
  }

  void start_with_bytes(std::string_view piece, ModelScratch& scratch) const {
    for (const char byte : piece) {
      const auto value = static_cast<unsigned char>(byte);
      const std::int32_t id = byte_symbols_[value];
      if (!drop(id, scratch)) add_symbol(id, byte_spellings_[value], scratch);
    }
  }

  void start_with_chars(std::string_view piece, ModelScratch& scratch) const {
    std::string spelled, marked;
    for (std::size_t pos = 0; pos < piece.size();) {
      const std::uint32_t n_bytes = decode_utf8(piece, pos).n_bytes;
      const std::string_view character = piece.substr(pos, n_bytes);
      spelled = character;
      if (pos + n_bytes == piece.size()) spelled += data_.end_of_word_suffix;
      std::string_view text = spelled;
      if (pos > 0 && !data_.continuing_prefix.empty()) text = marked = data_.continuing_prefix + spelled;
      const std::int32_t id = first_symbol(text);
      const bool as_bytes = id == kNoToken && data_.byte_fallback && bytes_.cover(character);
      if (as_bytes || !drop(id, scratch)) add_symbol(id, spelled, scratch);
      pos += n_bytes;
    }
  }

  /// How the vocabulary writes a symbol, in `buffer` where it is not written so in the piece.
  [[nodiscard]] std::string_view text_of(const Symbol& symbol, const ModelScratch& scratch, std::string& buffer) const {
    const std::string_view spelled = std::string_view(scratch.text).substr(symbol.begin, symbol.n_bytes);
    if (data_.byte_level || data_.continuing_prefix.empty() || symbol.begin == 0) return spelled;
    buffer = data_.continuing_prefix;
    return buffer += spelled;
  }

  void hash_symbol(std::size_t idx, ModelScratch& scratch) const {
    std::string buffer;
    scratch.hashes[idx] = hash_string(text_of(scratch.symbols[idx], scratch, buffer));
  }

  /// The rank of two neighbours' merge, if the list has it.
  [[nodiscard]] std::optional<std::uint32_t> rank_of(std::size_t left, std::size_t right,
                                                     const ModelScratch& scratch) const {
    const Symbol& a = scratch.symbols[left];
    const Symbol& b = scratch.symbols[right];
    if (!data_.merge_by_token_rank) {
      std::string a_buffer, b_buffer;
      return merges_.find({text_of(a, scratch, a_buffer), scratch.hashes[left]},
                          {text_of(b, scratch, b_buffer), scratch.hashes[right]});
    }
    // Two tokens that are a token together merge, by its rank.
    if (a.n_bytes + b.n_bytes > kLongestRankedToken) return std::nullopt;
    const TokenId merged = index_.find(std::string_view(scratch.text).substr(a.begin, a.n_bytes + b.n_bytes));
    if (merged == kNoToken) return std::nullopt;
    return static_cast<std::uint32_t>(merged);
  }

  /// The merge of a symbol with its right neighbour, if there is one.
  bool find_candidate(const ModelScratch& scratch, std::int32_t left, MergeCandidate& found) const {
    const Symbol& a = scratch.symbols[static_cast<std::size_t>(left)];
    if (a.next < 0) return false;
    const Symbol& b = scratch.symbols[static_cast<std::size_t>(a.next)];
    if (a.id == kNoToken || b.id == kNoToken) return false;
    const auto rank = rank_of(static_cast<std::size_t>(left), static_cast<std::size_t>(a.next), scratch);
    if (!rank) return false;
    found = {static_cast<std::uint64_t>(*rank) << 32 | static_cast<std::uint32_t>(left), a.n_bytes + b.n_bytes,
             kNoToken};
    return true;
  }

  void consider(std::int32_t left, ModelScratch& scratch) const {
    MergeCandidate candidate;
    if (left < 0 || !find_candidate(scratch, left, candidate)) return;
    scratch.heap.push_back(candidate);
    std::ranges::push_heap(scratch.heap, MergeCandidate::later);
  }

  void merge(ModelScratch& scratch) const {
    auto& symbols = scratch.symbols;
    scratch.heap.clear();
    MergeCandidate candidate;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (find_candidate(scratch, static_cast<std::int32_t>(i), candidate)) scratch.heap.push_back(candidate);
    }
    std::ranges::make_heap(scratch.heap, MergeCandidate::later);
    while (!scratch.heap.empty()) {
      std::ranges::pop_heap(scratch.heap, MergeCandidate::later);
      const MergeCandidate best = scratch.heap.back();
      scratch.heap.pop_back();
      Symbol& left = symbols[static_cast<std::size_t>(best.left())];
      if (left.n_bytes == 0 || left.next < 0) continue;
      Symbol& right = symbols[static_cast<std::size_t>(left.next)];
      if (left.n_bytes + right.n_bytes != best.n_bytes) continue;
      left.id = kNoTokenYet;
      left.n_bytes += right.n_bytes;
      right.n_bytes = 0;
      left.next = right.next;
      if (right.next >= 0) symbols[static_cast<std::size_t>(right.next)].prev = best.left();
      hash_symbol(static_cast<std::size_t>(best.left()), scratch);
      consider(left.prev, scratch);
      consider(best.left(), scratch);
    }
  }

  void append(std::size_t idx, const ModelScratch& scratch, std::vector<TokenId>& out) const {
    const Symbol& symbol = scratch.symbols[idx];
    std::string buffer;
    const TokenId id =
        symbol.id == kNoTokenYet ? index_.find(text_of(symbol, scratch, buffer), scratch.hashes[idx]) : symbol.id;
    if (id != kNoToken) {
      out.push_back(id);
      return;
    }
    // No token: byte by byte where there are tokens for bytes, else unknown.
    std::string_view text = std::string_view(scratch.text).substr(symbol.begin, symbol.n_bytes);
    const TokenId unknown = data_.drop_unknown ? kNoToken : data_.special.unk;
    if (data_.byte_level) {
      for (const char byte : from_byte_alphabet(text)) {
        const std::int32_t one = byte_symbols_[static_cast<unsigned char>(byte)];
        if (one >= 0 || unknown != kNoToken) out.push_back(one >= 0 ? one : unknown);
      }
      return;
    }
    if (symbol.next < 0 && text.ends_with(data_.end_of_word_suffix))
      text.remove_suffix(data_.end_of_word_suffix.size());
    if (data_.byte_fallback && bytes_.cover(text)) {
      bytes_.append(text, out);
    } else if (unknown != kNoToken && !(data_.fuse_unk && symbol.begin > 0 && !out.empty() && out.back() == unknown)) {
      out.push_back(unknown);
    }
  }

  static constexpr std::size_t kLongestRankedToken = 4096;

  const VocabData& data_;
  TokenIndex index_;
  MergeTable merges_;
  ByteTokens bytes_;
  std::array<std::string, 256> byte_spellings_;
  std::array<std::int32_t, 256> byte_symbols_{};
  std::set<std::string, std::less<>> tokenless_;  // first symbols that no token is spelled as
};

}  // namespace

Result<std::unique_ptr<Model>> make_bpe_model(const VocabData& data) {
  if (data.merges.size() % 2 != 0) {
    return fail(ErrorCode::kInternal, "reading a merge list: an odd number of parts");
  }
  return std::make_unique<BpeModel>(data);
}

}  // namespace hearth::text
