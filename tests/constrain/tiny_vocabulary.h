// A small vocabulary that has what large ones have: every byte, words, pieces of JSON, cut characters, special tokens.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "constrain/token_constraint.h"

namespace hearth::testing {

inline std::vector<constrain::VocabularyToken> tiny_vocabulary() {
  using constrain::TokenKind;
  std::vector<constrain::VocabularyToken> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back({std::string(1, static_cast<char>(byte)), TokenKind::kText});
  for (const char* text : {"true",
                           "false",
                           "null",
                           "\",\"",
                           "\":\"",
                           "\": \"",
                           "\", \"",
                           "\"}",
                           "\"]",
                           "{\"",
                           "[\"",
                           "[{\"",
                           "}}",
                           "]]",
                           "],",
                           "},",
                           "\":",
                           ": ",
                           ", ",
                           "\n  ",
                           "\n    ",
                           "{}",
                           "[]",
                           "the",
                           " the",
                           "name",
                           "\"name\"",
                           "ab",
                           "abc",
                           "abcd",
                           "xyz",
                           " \"",
                           "a\"",
                           "b\",",
                           "name\":",
                           "x\":1,\"",
                           "00",
                           "12",
                           "123",
                           "99",
                           "0.",
                           ".5",
                           "-1",
                           "1,",
                           "2]",
                           "1e5",
                           "\xC3\xA9",
                           "\xC3\xA9t\xC3\xA9",
                           "\xE2\x82",
                           "\xE2\x82\xAC",
                           "\xF0\x9F\x98\x80",
                           "\xF0\x9F",
                           "\\n",
                           "\\u00",
                           "\\\"",
                           "d\\",
                           "2020-",
                           "-01-",
                           "T00:",
                           "hello world",
                           "aaaaaaaa",
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                           "    ",
                           "  ",
                           "ab",
                           "+-",
                           "*/",
                           "(a",
                           "a)"})
    tokens.push_back({text, TokenKind::kText});
  tokens.push_back({"<end>", TokenKind::kEnd});
  tokens.push_back({"<think>", TokenKind::kSpecial});
  tokens.push_back({"</think>", TokenKind::kSpecial});
  tokens.push_back({"<tool>", TokenKind::kSpecial});
  tokens.push_back({"", TokenKind::kText});
  tokens.push_back({"reserved", TokenKind::kUnused});
  return tokens;
}

inline std::shared_ptr<const constrain::TokenTrie> tiny_trie() {
  static const auto trie = *constrain::TokenTrie::build(tiny_vocabulary());
  return trie;
}

/// The tokens that a mask allows.
inline std::vector<Token> allowed(const constrain::ConstraintState& state, const constrain::TokenTrie& trie) {
  std::vector<std::uint64_t> words(trie.mask_words());
  state.mask(words);
  std::vector<Token> tokens;
  for (std::size_t token = 0; token < trie.vocab_size(); ++token)
    if (words[token / 64] >> (token % 64) & 1) tokens.push_back(static_cast<Token>(token));
  return tokens;
}

struct Generated {
  std::string text;
  bool finished = false;  // by the end token
  bool stuck = false;     // nothing was allowed where the constraint was not fulfilled
  std::size_t n_tokens = 0;
};

/// Takes random allowed tokens until the end or until `most` tokens. `sharp` favours some tokens as logits do.
inline Generated generate(constrain::ConstraintState state, const constrain::TokenTrie& trie, std::mt19937& random,
                          std::size_t most) {
  Generated made;
  std::vector<double> liking(trie.vocab_size());
  for (double& value : liking) value = std::uniform_real_distribution<>(0, 1)(random);
  while (made.n_tokens < most) {
    const std::vector<Token> tokens = allowed(state, trie);
    if (tokens.empty()) {
      made.stuck = !state.accepting();
      return made;
    }
    // Sometimes what this "model" likes best, sometimes anything: the end too.
    Token token = tokens[random() % tokens.size()];
    if (random() % 2 == 0) {
      for (int i = 0; i < 4; ++i) {
        const Token other = tokens[random() % tokens.size()];
        if (liking[static_cast<std::size_t>(other)] > liking[static_cast<std::size_t>(token)]) token = other;
      }
    }
    if (!state.advance(token)) {
      made.stuck = true;
      return made;
    }
    if (trie.kind(token) == constrain::TokenKind::kEnd) {
      made.finished = true;
      return made;
    }
    ++made.n_tokens;
    if (trie.kind(token) == constrain::TokenKind::kText) made.text += trie.bytes(token);
  }
  made.stuck = !state.accepting();
  return made;
}

}  // namespace hearth::testing
