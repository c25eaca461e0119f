// Why a prompt had to be read again, in words.
#include <algorithm>

#include "generate/prefix_cache.h"
#include "text/utf8.h"

#include <fmt/format.h>

namespace hearth::generate {

namespace {

/// The part of the prompt that holds the token.
const PromptMark* mark_at(const std::vector<PromptMark>& marks, std::size_t token_idx) {
  const auto after = std::ranges::upper_bound(marks, token_idx, {}, &PromptMark::token_begin);
  return after == marks.begin() ? nullptr : &*(after - 1);
}

/// A few tokens as people read them.
std::string excerpt(std::span<const Token> tokens, std::size_t begin, const Vocabulary* vocabulary) {
  constexpr std::size_t kTokens = 8;
  if (!vocabulary) return fmt::format("token {}", tokens[begin]);
  const auto some = tokens.subspan(begin, std::min(kTokens, tokens.size() - begin));
  return "\"" + text::to_valid_utf8(vocabulary->decode(some, {.special = DecodeOptions::Special::kShow})) + "\"";
}

std::string difference(const CachedText& prompt, const CachedText& nearest, std::size_t at,
                       const Vocabulary* vocabulary) {
  const PromptMark* now = mark_at(prompt.marks, at);
  const PromptMark* then = mark_at(nearest.marks, at);
  const std::string where = now ? now->what : "the prompt";
  const std::string texts = fmt::format("{} was kept, {} came", excerpt(nearest.tokens, at, vocabulary),
                                        excerpt(prompt.tokens, at, vocabulary));
  if (!now || !then) return fmt::format("{} differs: {}", where, texts);
  if (now->message_idx && !then->message_idx && then == &nearest.marks.back()) {
    return fmt::format("{} is not the answer as it was generated (edited, its thinking left out, or cut): {}", where,
                       texts);
  }
  if (now->what != then->what)
    return fmt::format("{} stands where {} stood: messages were added, removed or cut: {}", where, then->what, texts);
  if (!now->message_idx) return fmt::format("{} differs: {}", where, texts);
  if (now->content != then->content) return fmt::format("{} was changed: {}", where, texts);
  return fmt::format("the template spells {} differently than before, though its content is the same: {}", where,
                     texts);
}

}  // namespace

PrefixReuse explain_reuse(const CachedText& prompt, const CachedText* nearest, std::size_t n_reused,
                          std::size_t n_evicted, const Vocabulary* vocabulary) {
  const std::size_t n_tokens = prompt.tokens.size();
  PrefixReuse told{.n_reused = n_reused, .n_new = n_tokens - n_reused, .cause = {}};
  const std::size_t n_common = nearest ? common_tokens(nearest->tokens, prompt.tokens) : 0;
  if (n_evicted > n_common && n_evicted > n_reused) {
    told.cause =
        fmt::format("{} tokens of it were read before, but given up since to stay within the memory bound", n_evicted);
    return told;
  }
  if (!nearest) {
    told.cause = "nothing is kept yet";
    return told;
  }
  if (n_common < n_tokens && n_common < nearest->tokens.size()) {
    told.first_difference = n_common;
    if (const PromptMark* mark = mark_at(prompt.marks, n_common)) told.message_idx = mark->message_idx;
    told.cause = difference(prompt, *nearest, n_common, vocabulary);
  }
  const std::size_t expected = std::min(n_common, n_tokens - 1);
  if (n_reused < expected) {
    told.cause += fmt::format("{}the engine could not go back to token {}, only to {}", told.cause.empty() ? "" : "; ",
                              expected, n_reused);
  }
  return told;
}

}  // namespace hearth::generate
