// Hand-written scanners for the split patterns that most models share. Each gives what its regular expression gives.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "text/char_class.h"

namespace hearth::text {

/// The text that a scanner cuts: code points and their flags, equally long.
struct ScanText {
  std::span<const std::uint32_t> codes;
  std::span<const CharFlags> flags;
};

/// A split pattern written as code. Every character belongs to exactly one piece.
struct WordScanner {
  enum class Family : std::uint8_t {
    kGpt2,      // ' ?' before words, numbers and the rest
    kLlama3,    // any one character before words, numbers in groups, line feeds apart
    kCaseWords  // as kLlama3, with words also cut where capitals follow small letters (o200k, tekken)
  };
  enum class Contractions : std::uint8_t { kNone, kLowerCase, kAnyCase };
  Family family = Family::kGpt2;
  Contractions contractions = Contractions::kLowerCase;  // 's 't 're 've 'm 'll 'd
  std::uint32_t max_digits = 0;                          // of one number piece; 0: no limit
  bool marks_in_words = false;                           // [\p{L}\p{M}] for \p{L}
  bool slash_in_tail = false;                            // [\r\n/]* after punctuation instead of [\r\n]*

  /// The end of the piece that begins at `pos` (below the text's size).
  [[nodiscard]] std::uint32_t piece_end(const ScanText& text, std::uint32_t pos) const;
};

/// The scanner that does the same as `pattern`, if there is one.
std::optional<WordScanner> scanner_for(std::string_view pattern);

}  // namespace hearth::text
