// A vocabulary prepared for masks: all tokens as one tree of bytes, and which of them are nothing but plain text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "constrain/grammar.h"

namespace hearth::constrain {

/// Plain characters can stand in a JSON string as they are: all but controls, the quote, the backslash and U+007F.
const ByteSet& plain_ascii();

struct VocabularyToken {
  std::string bytes;
  TokenKind kind = TokenKind::kText;
};

/// Immutable; built once per vocabulary and shared by every constraint and thread.
class TokenTrie {
 public:
  static constexpr std::uint32_t kNoToken = 0xFFFFFFFF;

  /// A node of a tree in pre-order: its children follow it, its subtree ends before `end`.
  struct Node {
    std::uint32_t end = 0;
    std::uint32_t token = kNoToken;  // the first with these bytes; see visit_tokens
    std::uint16_t depth = 0;         // bytes from the root; the root (node 0) has 0
    std::uint8_t byte = 0;
    bool several = false;  // tokens have these bytes
  };

  static Result<std::shared_ptr<const TokenTrie>> build(std::vector<VocabularyToken> vocabulary);

  [[nodiscard]] std::size_t vocab_size() const { return kinds_.size(); }
  [[nodiscard]] std::size_t mask_words() const { return (kinds_.size() + 63) / 64; }
  [[nodiscard]] TokenKind kind(Token token) const { return kinds_[static_cast<std::size_t>(token)]; }
  [[nodiscard]] std::string_view bytes(Token token) const {
    const auto i = static_cast<std::size_t>(token);
    return std::string_view(text_).substr(begin_[i], begin_[i + 1] - begin_[i]);
  }
  /// The only or first special token of this name.
  [[nodiscard]] std::optional<Token> special(std::string_view name) const;
  [[nodiscard]] std::span<const Token> end_tokens() const { return end_tokens_; }
  /// Bytes that a text token of their own can spell.
  [[nodiscard]] const ByteSet& single_bytes() const { return single_bytes_; }
  [[nodiscard]] std::uint32_t longest() const { return longest_; }  // bytes of the longest text token

  /// Every text token.
  [[nodiscard]] std::span<const Node> all() const { return all_; }
  /// Those that plain_up_to does not hold.
  [[nodiscard]] std::span<const Node> rest() const { return rest_; }
  /// Bit per token: text tokens of 1 to n plain characters (n from 1; more than most_plain counts as most_plain).
  [[nodiscard]] std::span<const std::uint64_t> plain_up_to(std::uint32_t n) const;
  [[nodiscard]] std::uint32_t most_plain() const { return kMostPlain; }
  /// Every token that ends at a node.
  template <typename Visit>
  void visit_tokens(const Node& node, Visit visit) const {
    if (node.token == kNoToken) return;
    visit(node.token);
    if (!node.several) return;
    for (std::uint32_t token = next_same_[node.token]; token != kNoToken; token = next_same_[token]) visit(token);
  }
  /// The child of a node of all() by its byte; 0 (the root) when there is none.
  [[nodiscard]] std::uint32_t child(std::uint32_t node, std::uint8_t byte) const;

 private:
  static constexpr std::uint32_t kMostPlain = 48;

  TokenTrie() = default;
  std::vector<Node> make_tree(const std::vector<Token>& sorted);
  void fill_plain();

  std::vector<TokenKind> kinds_;
  std::string text_;
  std::vector<std::uint32_t> begin_;
  std::vector<Token> end_tokens_;
  std::vector<std::uint32_t> next_same_;  // by token: the next one with the same bytes, or kNoToken
  std::vector<std::uint16_t> n_plain_;    // characters of a plain token, 0 for the others
  std::vector<Node> all_, rest_;
  std::vector<std::uint64_t> plain_;  // [kMostPlain][mask_words]
  std::vector<std::uint32_t> root_child_;
  ByteSet single_bytes_;
  std::uint32_t longest_ = 0;
};

}  // namespace hearth::constrain
