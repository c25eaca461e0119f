// Split patterns of tokenizers as a linear-time automaton: no backtracking, whatever the pattern and the text.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

struct RegexMatch {
  std::uint32_t begin = 0, end = 0;  // in characters
};

/// Where `^` and `$` match: at the ends of lines (Oniguruma, as Hugging Face uses it) or of the text (tiktoken).
enum class RegexAnchors : std::uint8_t { kLines, kText };

/// A compiled pattern, immutable and safe to share. Leftmost match, alternatives by priority as in Perl.
/// Knows literals, classes (nested, && and \p{..}), groups, alternation, greedy, lazy and (over one character)
/// possessive repetition, (?i), look-ahead, look-behind of one character, ^ $ \A \z \b \B. Anything else is refused by
/// name.
class Regex {
 public:
  static Result<Regex> compile(std::string_view pattern, RegexAnchors anchors = RegexAnchors::kLines);
  ~Regex();
  Regex(const Regex&);
  Regex& operator=(const Regex&);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// Every match from left to right, none overlapping; matches may be empty. `codes` are code points.
  [[nodiscard]] std::vector<RegexMatch> find_all(std::span<const std::uint32_t> codes) const;

 private:
  friend class RegexSearch;
  Regex() = default;
  std::shared_ptr<const struct RegexProgram> program_;
};

/// Searches many texts with one pattern and keeps what it learns of the automaton. The pattern must outlive it.
class RegexSearch {
 public:
  explicit RegexSearch(const Regex& regex);
  ~RegexSearch();
  RegexSearch(const RegexSearch&) = delete;
  RegexSearch& operator=(const RegexSearch&) = delete;

  /// As Regex::find_all; the result lives until the next call.
  const std::vector<RegexMatch>& find_all(std::span<const std::uint32_t> codes);

 private:
  std::unique_ptr<class RegexAutomaton> automaton_;
};

}  // namespace hearth::text
