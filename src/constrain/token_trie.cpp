// Sorting a vocabulary by its bytes into trees, and finding its plain tokens.
#include "constrain/token_trie.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/utf8.h"

namespace hearth::constrain {

namespace {

constexpr std::size_t kLongestToken = 4096;

/// How many plain characters `bytes` is, or 0 if anything in it is not.
std::uint32_t count_plain(std::string_view bytes) {
  std::uint32_t n = 0;
  for (std::size_t at = 0; at < bytes.size(); ++n) {
    const text::Utf8Char character = text::decode_utf8(bytes, at);
    if (!character.valid || (character.code < 128 && !plain_ascii().test(character.code))) return 0;
    at += character.n_bytes;
  }
  return n;
}

}  // namespace

const ByteSet& plain_ascii() {
  static const ByteSet set = [] {
    ByteSet plain;
    for (unsigned value = 0x20; value < 0x7F; ++value) plain.set(value);
    plain.reset('"');
    plain.reset('\\');
    return plain;
  }();
  return set;
}

Result<std::shared_ptr<const TokenTrie>> TokenTrie::build(std::vector<VocabularyToken> vocabulary) {
  std::shared_ptr<TokenTrie> trie(new TokenTrie);
  const std::size_t n = vocabulary.size();
  trie->next_same_.assign(n, kNoToken);
  trie->n_plain_.assign(n, 0);
  trie->begin_.assign(1, 0);
  std::vector<Token> sorted;
  for (std::size_t i = 0; i < n; ++i) {
    VocabularyToken& token = vocabulary[i];
    if (token.bytes.size() > kLongestToken) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("preparing the vocabulary: token {} has {} bytes, above {}",
                                                           i, token.bytes.size(), kLongestToken));
    }
    if (token.kind == TokenKind::kText && token.bytes.empty()) token.kind = TokenKind::kUnused;
    if (token.kind == TokenKind::kText) {
      sorted.push_back(static_cast<Token>(i));
      if (token.bytes.size() == 1) trie->single_bytes_.set(static_cast<unsigned char>(token.bytes[0]));
      trie->longest_ = std::max(trie->longest_, static_cast<std::uint32_t>(token.bytes.size()));
      const std::uint32_t n_plain = count_plain(token.bytes);
      if (n_plain <= kMostPlain) trie->n_plain_[i] = static_cast<std::uint16_t>(n_plain);
    }
    if (token.kind == TokenKind::kEnd) trie->end_tokens_.push_back(static_cast<Token>(i));
    trie->kinds_.push_back(token.kind);
    trie->text_ += token.bytes;
    trie->begin_.push_back(static_cast<std::uint32_t>(trie->text_.size()));
  }
  std::ranges::sort(sorted, [&](Token a, Token b) {
    const int order = trie->bytes(a).compare(trie->bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  trie->all_ = trie->make_tree(sorted);
  std::erase_if(sorted, [&](Token token) { return trie->n_plain_[static_cast<std::size_t>(token)] > 0; });
  trie->rest_ = trie->make_tree(sorted);
  trie->fill_plain();
  trie->root_child_.assign(256, 0);
  for (std::uint32_t node = 1; node < trie->all_.size(); node = trie->all_[node].end)
    trie->root_child_[trie->all_[node].byte] = node;
  return std::shared_ptr<const TokenTrie>(std::move(trie));
}

/// `sorted` by bytes; tokens of the same bytes are chained from the lowest id.
std::vector<TokenTrie::Node> TokenTrie::make_tree(const std::vector<Token>& sorted) {
  std::vector<Node> nodes(1);
  std::vector<std::uint32_t> open = {0};  // the path to the last node, by depth
  std::string_view last;
  std::uint32_t last_id = kNoToken;
  for (const Token token : sorted) {
    const std::string_view text = bytes(token);
    const auto id = static_cast<std::uint32_t>(token);
    const std::size_t shared = static_cast<std::size_t>(std::ranges::mismatch(text, last).in1 - text.begin());
    if (last_id != kNoToken && shared == text.size() && shared == last.size()) {
      nodes[open.back()].several = true;
      next_same_[last_id] = id;
      last_id = id;
      continue;
    }
    while (open.size() > shared + 1) {
      nodes[open.back()].end = static_cast<std::uint32_t>(nodes.size());
      open.pop_back();
    }
    for (std::size_t depth = shared + 1; depth <= text.size(); ++depth) {
      open.push_back(static_cast<std::uint32_t>(nodes.size()));
      nodes.push_back({.depth = static_cast<std::uint16_t>(depth), .byte = static_cast<std::uint8_t>(text[depth - 1])});
    }
    nodes[open.back()].token = id;
    last = text;
    last_id = id;
  }
  for (const std::uint32_t node : open) nodes[node].end = static_cast<std::uint32_t>(nodes.size());
  return nodes;
}

void TokenTrie::fill_plain() {
  const std::size_t words = mask_words();
  plain_.assign(kMostPlain * words, 0);
  for (std::size_t token = 0; token < n_plain_.size(); ++token)
    for (std::size_t n = n_plain_[token]; n != 0 && n <= kMostPlain; ++n)
      plain_[(n - 1) * words + token / 64] |= 1ull << (token % 64);
}

std::span<const std::uint64_t> TokenTrie::plain_up_to(std::uint32_t n) const {
  const std::size_t words = mask_words();
  return std::span(plain_).subspan((std::min(n, kMostPlain) - 1) * words, words);
}

std::uint32_t TokenTrie::child(std::uint32_t node, std::uint8_t byte) const {
  if (node == 0) return root_child_[byte];
  for (std::uint32_t at = node + 1; at < all_[node].end; at = all_[at].end)
    if (all_[at].byte == byte) return at;
  return 0;
}

std::optional<Token> TokenTrie::special(std::string_view name) const {
  for (std::size_t token = 0; token < kinds_.size(); ++token) {
    if ((kinds_[token] == TokenKind::kSpecial || kinds_[token] == TokenKind::kEnd) &&
        bytes(static_cast<Token>(token)) == name)
      return static_cast<Token>(token);
  }
  return std::nullopt;
}

}  // namespace hearth::constrain
