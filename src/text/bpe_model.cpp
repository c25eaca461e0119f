// Byte-pair encoding: neighbours merge in the order of the merge list (or of token ids), leftmost first.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "text/byte_alphabet.h"
#include "text/byte_tokens.h"
#include "text/model.h"
#include "text/pair_table.h"
#include "text/token_index.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

class BpeModel final : public Model {
 public:
  explicit BpeModel(const VocabData& data)
      : data_(data), bytes_(data), n_tokens_(static_cast<TokenId>(data.tokens.size())) {
    for (std::size_t idx = 0; idx < data.tokens.size(); ++idx) {
      const bool reachable = reachable_from_text(data, static_cast<TokenId>(idx)) && !spelled_as_text(idx);
      symbols_.push_back(reachable ? data.tokens[idx] : std::string_view());
    }
    index_ = TokenIndex(&symbols_);
    if (data.merge_by_token_rank) {
      add_merges_by_token_rank();
    } else {
      add_merge_list();
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::string character;
      append_utf8(character, byte_to_alphabet(static_cast<std::uint8_t>(byte)));
      byte_symbols_[byte] = index_.find(character);
    }
  }

  void encode(std::string_view piece, ModelScratch& scratch, std::vector<TokenId>& out) const override {
    if (piece.empty()) return;
    if (const TokenId whole = whole_token(piece, scratch.text); whole != kNoToken) {
      out.push_back(whole);
      return;
    }
    scratch.symbols.clear();
    if (data_.byte_level) {
      start_with_bytes(piece, scratch.symbols);
    } else {
      start_with_chars(piece, scratch);
    }
    if (scratch.symbols.empty()) return;
    for (std::size_t i = 0; i < scratch.symbols.size(); ++i) {
      scratch.symbols[i].prev = static_cast<std::int32_t>(i) - 1;
      scratch.symbols[i].next = i + 1 < scratch.symbols.size() ? static_cast<std::int32_t>(i) + 1 : -1;
    }
    merge(scratch);
    for (std::int32_t i = 0; i >= 0; i = scratch.symbols[static_cast<std::size_t>(i)].next) {
      append(piece, scratch.symbols[static_cast<std::size_t>(i)], out);
    }
  }

 private:
  /// User-defined tokens are not written in the byte alphabet: DeepSeek Coder's U+00F8 is that letter, not byte 0xF8.
  [[nodiscard]] bool spelled_as_text(std::size_t idx) const {
    return data_.byte_level && !data_.types.empty() && data_.types[idx] == TokenType::kUserDefined &&
           std::ranges::any_of(data_.tokens[idx], [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; });
  }

  /// The symbol for `text`: a token, or a number past the tokens for text that merges pass through.
  std::int32_t symbol_for(std::string_view text) {
    if (const TokenId known = index_.find(text); known != kNoToken) return known;
    symbols_.push_back(text);
    return index_.insert(static_cast<TokenId>(symbols_.size() - 1));
  }

  void add_merge_list() {
    const std::size_t n_merges = data_.merges.size() / 2;
    merges_.reserve(n_merges);
    const std::string& prefix = data_.continuing_prefix;
    for (std::size_t rank = 0; rank < n_merges; ++rank) {
      const std::string_view left = data_.merges[2 * rank];
      const std::string_view right = data_.merges[2 * rank + 1];
      if (left.empty() || right.empty()) continue;
      const std::string_view tail = !prefix.empty() && right.starts_with(prefix) ? right.substr(prefix.size()) : right;
      const std::int32_t left_symbol = symbol_for(left);
      const std::int32_t right_symbol = symbol_for(right);
      const std::int32_t merged = symbol_for(std::string(left) + std::string(tail));
      merges_.insert(left_symbol, right_symbol, {static_cast<std::uint32_t>(rank), merged});
    }
  }

  /// Every way to cut a token into two tokens is a merge of that token's rank. Cuts fall between characters.
  void add_merges_by_token_rank() {
    struct Cut {
      std::int32_t left, right, merged;
    };
    std::vector<Cut> cuts;
    for (TokenId id = 0; id < n_tokens_; ++id) {
      const std::string_view token = symbols_[static_cast<std::size_t>(id)];
      if (token.size() > kLongestRankedToken || index_.find(token) != id) continue;
      for (std::size_t cut = 1; cut < token.size(); ++cut) {
        if ((static_cast<unsigned char>(token[cut]) & 0xC0U) == 0x80) continue;
        const TokenId left = index_.find(token.substr(0, cut));
        const TokenId right = left == kNoToken ? kNoToken : index_.find(token.substr(cut));
        if (right != kNoToken) cuts.push_back({left, right, id});
      }
    }
    merges_.reserve(cuts.size());
    for (const Cut& cut : cuts)
      merges_.insert(cut.left, cut.right, {static_cast<std::uint32_t>(cut.merged), cut.merged});
  }

  [[nodiscard]] TokenId whole_token(std::string_view piece, std::string& buffer) const {
    const bool newlines = data_.newlines_are_tokens && piece.find_first_not_of('\n') == std::string_view::npos;
    if (!data_.ignore_merges && !newlines) return kNoToken;
    if (piece.size() > index_.longest()) return kNoToken;
    if (!data_.byte_level) return token_only(index_.find(piece));
    buffer.clear();
    for (const char byte : piece) append_utf8(buffer, byte_to_alphabet(static_cast<std::uint8_t>(byte)));
    return token_only(index_.find(buffer));
  }
  [[nodiscard]] TokenId token_only(TokenId symbol) const { return symbol < n_tokens_ ? symbol : kNoToken; }

  /// What is to be dropped goes before the merging, so that its neighbours meet; the left one's span takes it in.
  void add_symbol(std::int32_t id, std::size_t begin, std::uint32_t n_bytes, std::vector<Symbol>& symbols) const {
    if (id != kNoToken || !data_.drop_unknown) {
      symbols.push_back({id, -1, -1, static_cast<std::uint32_t>(begin), n_bytes});
    } else if (!symbols.empty()) {
      symbols.back().n_bytes += n_bytes;
    }
  }

  void start_with_bytes(std::string_view piece, std::vector<Symbol>& symbols) const {
    for (std::size_t pos = 0; pos < piece.size(); ++pos) {
      const std::int32_t id = byte_symbols_[static_cast<unsigned char>(piece[pos])];
      add_symbol(id, pos, 1, symbols);
    }
  }

  void start_with_chars(std::string_view piece, ModelScratch& scratch) const {
    const bool plain = data_.continuing_prefix.empty() && data_.end_of_word_suffix.empty();
    for (std::size_t pos = 0; pos < piece.size();) {
      const std::uint32_t n_bytes = decode_utf8(piece, pos).n_bytes;
      const std::string_view character = piece.substr(pos, n_bytes);
      std::int32_t id = kNoToken;
      if (plain) {
        id = index_.find(character);
      } else {
        scratch.text.clear();
        if (pos > 0) scratch.text += data_.continuing_prefix;
        scratch.text += character;
        if (pos + n_bytes == piece.size()) scratch.text += data_.end_of_word_suffix;
        id = index_.find(scratch.text);
      }
      if (id == kNoToken && data_.byte_fallback && bytes_.cover(character)) {
        scratch.symbols.push_back({id, -1, -1, static_cast<std::uint32_t>(pos), n_bytes});
      } else {
        add_symbol(id, pos, n_bytes, scratch.symbols);
      }
      pos += n_bytes;
    }
  }

  /// The merge of a symbol with its right neighbour, if the list has one.
  bool find_candidate(const std::vector<Symbol>& symbols, std::int32_t left, MergeCandidate& found) const {
    const Symbol& a = symbols[static_cast<std::size_t>(left)];
    if (a.next < 0) return false;
    const Symbol& b = symbols[static_cast<std::size_t>(a.next)];
    if (a.id < 0 || b.id < 0) return false;
    const PairTable::Merge merge = merges_.find(a.id, b.id);
    if (merge.merged < 0) return false;
    found = {static_cast<std::uint64_t>(merge.rank) << 32 | static_cast<std::uint32_t>(left), a.n_bytes + b.n_bytes,
             merge.merged};
    return true;
  }

  void consider(std::int32_t left, ModelScratch& scratch) const {
    MergeCandidate candidate;
    if (left < 0 || !find_candidate(scratch.symbols, left, candidate)) return;
    scratch.heap.push_back(candidate);
    std::ranges::push_heap(scratch.heap, MergeCandidate::later);
  }

  void merge(ModelScratch& scratch) const {
    auto& symbols = scratch.symbols;
    scratch.heap.clear();
    MergeCandidate candidate;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (find_candidate(symbols, static_cast<std::int32_t>(i), candidate)) scratch.heap.push_back(candidate);
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
      left.id = best.merged_id;
      left.n_bytes += right.n_bytes;
      right.n_bytes = 0;
      left.next = right.next;
      if (right.next >= 0) symbols[static_cast<std::size_t>(right.next)].prev = best.left();
      consider(left.prev, scratch);
      consider(best.left(), scratch);
    }
  }

  void append(std::string_view piece, const Symbol& symbol, std::vector<TokenId>& out) const {
    if (symbol.id >= 0 && symbol.id < n_tokens_) {
      out.push_back(symbol.id);
      return;
    }
    // No token: byte by byte where there are tokens for bytes, else unknown.
    const std::string_view text = piece.substr(symbol.begin, symbol.n_bytes);
    const TokenId unknown = data_.drop_unknown ? kNoToken : data_.special.unk;
    if (data_.byte_level) {
      for (const char byte : text) {
        const std::int32_t id = byte_symbols_[static_cast<unsigned char>(byte)];
        if (id >= 0 && id < n_tokens_) {
          out.push_back(id);
        } else if (unknown != kNoToken) {
          out.push_back(unknown);
        }
      }
    } else if (data_.byte_fallback && bytes_.cover(text)) {
      bytes_.append(text, out);
    } else if (unknown != kNoToken && !(data_.fuse_unk && symbol.begin > 0 && !out.empty() && out.back() == unknown)) {
      out.push_back(unknown);
    }
  }

  static constexpr std::size_t kLongestRankedToken = 4096;

  const VocabData& data_;
  StringTable symbols_;
  TokenIndex index_;
  PairTable merges_;
  ByteTokens bytes_;
  std::array<std::int32_t, 256> byte_symbols_{};
  TokenId n_tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<Model>> make_bpe_model(const VocabData& data) {
  if (data.merges.size() % 2 != 0) {
    return fail(ErrorCode::kInternal, "reading a merge list: an odd number of parts");
  }
  return std::make_unique<BpeModel>(data);
}

}  // namespace hearth::text
