// What a sequence of a model holds, as tokens with their owner: what memory and disk are searched for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hearth/vocabulary.h"

namespace hearth::generate {

/// Where a part of a prompt begins, for explanations.
struct PromptMark {
  std::size_t token_begin = 0;
  std::optional<std::size_t> message_idx;  // absent: written by the template around the messages
  std::string what;                        // "message 2 (user)"
  std::uint64_t content = 0;               // a hash of what the caller gave, however the template spells it
};

/// A prompt as the cache sees it. Nothing of one principal is ever used for another.
struct CachedText {
  std::string principal;
  std::vector<Token> tokens;
  std::vector<PromptMark> marks;  // ascending
};

/// How many tokens two texts begin with in common.
std::size_t common_tokens(std::span<const Token> a, std::span<const Token> b);

/// Whether all of `a` stands at the beginning of `b`, and both belong to the same principal.
bool is_beginning(const CachedText& a, const CachedText& b);

}  // namespace hearth::generate
