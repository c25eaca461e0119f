// Sentences counted character by character.
#include "generate/sentence_limit.h"

#include <algorithm>
#include <array>

#include "generate/white_space.h"

namespace hearth::generate {

namespace {

constexpr std::array<std::string_view, 4> kStops = {".", "!", "?", "\u2026"};
constexpr std::array<std::string_view, 3> kWideStops = {"\u3002", "\uff01", "\uff1f"};
constexpr std::array<std::string_view, 11> kClosing = {"\"",     "'",      ")",      "]",      "*",     "_",
                                                       "\u201d", "\u2019", "\u00bb", "\u300d", "\u300f"};

bool one_of(std::string_view character, auto& set) {
  return std::ranges::find(set, character) != set.end();
}

/// Bytes of the character that begins with this byte; the text is valid UTF-8.
std::size_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

bool SentenceLimit::ends_before(std::string_view character) {
  if (one_of(character, kClosing)) return false;
  const bool wide = one_of(character, kWideStops);
  const bool stop = wide || one_of(character, kStops);
  const bool ended = !stop && (seen_ == Seen::kWideStop ||
                               (seen_ == Seen::kStop && kWhiteSpace.find(character) != std::string_view::npos));
  if (wide) {
    seen_ = Seen::kWideStop;
  } else if (stop) {
    seen_ = seen_ == Seen::kWideStop ? Seen::kWideStop : Seen::kStop;
  } else {
    seen_ = Seen::kText;
  }
  return ended;
}

std::string SentenceLimit::feed(std::string_view piece) {
  if (max_sentences_ == 0) return std::string(piece);
  std::string shown;
  while (!piece.empty() && !reached()) {
    const std::string_view character = piece.substr(0, character_bytes(piece.front()));
    piece.remove_prefix(character.size());
    if (ends_before(character)) ++n_sentences_;
    if (!reached()) shown += character;
  }
  return shown;
}

}  // namespace hearth::generate
