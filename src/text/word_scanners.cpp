// The scanners, alternative by alternative in the order of the patterns, and the patterns they stand for.
#include "text/word_scanners.h"

#include <array>

namespace hearth::text {
namespace {

/// A cursor over one text that answers the questions of the patterns; positions past the end have no flags.
class Scan {
 public:
  Scan(const WordScanner& rules, const ScanText& text)
      : rules_(rules),
        text_(text),
        n_(static_cast<std::uint32_t>(text.codes.size())),
        word_(rules.marks_in_words ? kLetter | kMark : kLetter) {}

  [[nodiscard]] std::uint32_t gpt2(std::uint32_t pos) const {
    if (const auto end = contraction(pos); end > pos) return end;
    const std::uint32_t body = code(pos) == ' ' ? pos + 1 : pos;
    for (const std::uint32_t start : {body, pos}) {
      if (is(start, kLetter)) return run(start, kLetter);
      if (is(start, kNumber)) return run(start, kNumber);
      if (is_other(start)) return run_other(start);
    }
    return spaces(pos);
  }

  [[nodiscard]] std::uint32_t llama3(std::uint32_t pos) const {
    if (const auto end = contraction(pos); end > pos) return end;
    if (may_lead(pos) && is(pos + 1, word_)) return run(pos + 1, word_);
    if (is(pos, word_)) return run(pos, word_);
    return rest(pos);
  }

  [[nodiscard]] std::uint32_t case_words(std::uint32_t pos) const {
    if (may_lead(pos)) {
      if (const auto end = lower_word(pos + 1); end > 0) return with_contraction(end);
    }
    if (const auto end = lower_word(pos); end > 0) return with_contraction(end);
    if (may_lead(pos) && is(pos + 1, kUpperLike)) return with_contraction(upper_word(pos + 1));
    if (is(pos, kUpperLike)) return with_contraction(upper_word(pos));
    return rest(pos);
  }

 private:
  [[nodiscard]] std::uint32_t code(std::uint32_t pos) const { return pos < n_ ? text_.codes[pos] : kNoCode; }
  [[nodiscard]] CharFlags flags(std::uint32_t pos) const { return pos < n_ ? text_.flags[pos] : CharFlags{0}; }
  [[nodiscard]] bool is(std::uint32_t pos, unsigned wanted) const { return (flags(pos) & wanted) != 0; }
  /// [^\s\p{L}\p{N}], and not a mark either where marks belong to words.
  [[nodiscard]] bool is_other(std::uint32_t pos) const { return pos < n_ && !is(pos, kSpace | kNumber | word_); }
  [[nodiscard]] bool is_newline(std::uint32_t pos) const { return code(pos) == '\r' || code(pos) == '\n'; }
  /// [^\r\n\p{L}\p{N}]
  [[nodiscard]] bool may_lead(std::uint32_t pos) const {
    return pos < n_ && !is_newline(pos) && !is(pos, kLetter | kNumber);
  }
  [[nodiscard]] std::uint32_t run(std::uint32_t pos, unsigned wanted) const {
    while (is(pos, wanted)) ++pos;
    return pos;
  }
  [[nodiscard]] std::uint32_t run_other(std::uint32_t pos) const {
    while (is_other(pos)) ++pos;
    return pos;
  }

  /// The character as contractions compare it. U+017F, the long s, is an s in either case-insensitive syntax.
  [[nodiscard]] std::uint32_t folded(std::uint32_t pos) const {
    const std::uint32_t at = code(pos);
    if (rules_.contractions != WordScanner::Contractions::kAnyCase) return at;
    if (at >= 'A' && at <= 'Z') return at + 32;
    return at == 0x17F ? 's' : at;
  }

  /// 's 't 're 've 'm 'll 'd: its end, or `pos`.
  [[nodiscard]] std::uint32_t contraction(std::uint32_t pos) const {
    if (rules_.contractions == WordScanner::Contractions::kNone || code(pos) != '\'') return pos;
    const std::uint32_t first = folded(pos + 1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return pos + 2;
    const std::uint32_t second = folded(pos + 2);
    const bool pair =
        (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return pair ? pos + 3 : pos;
  }
  [[nodiscard]] std::uint32_t with_contraction(std::uint32_t end) const { return contraction(end); }

  /// \s+(?!\S)|\s+: all but the last space of a run that something follows.
  [[nodiscard]] std::uint32_t spaces(std::uint32_t pos) const {
    const std::uint32_t end = run(pos, kSpace);
    if (end == pos) return pos + 1;
    return end < n_ && end - pos > 1 ? end - 1 : end;
  }

  /// Numbers, punctuation with the line ends after it, white space.
  [[nodiscard]] std::uint32_t rest(std::uint32_t pos) const {
    if (is(pos, kNumber)) {
      std::uint32_t end = pos;
      while (is(end, kNumber) && (rules_.max_digits == 0 || end - pos < rules_.max_digits)) ++end;
      return end;
    }
    const std::uint32_t start = code(pos) == ' ' && is_other(pos + 1) ? pos + 1 : pos;
    if (is_other(start)) {
      std::uint32_t end = run_other(start);
      while (is_newline(end) || (rules_.slash_in_tail && code(end) == '/')) ++end;
      return end;
    }
    // \s*[\r\n]+: up to the last line end of the run.
    std::uint32_t after_newline = pos;
    for (std::uint32_t at = pos; is(at, kSpace); ++at) {
      if (is_newline(at)) after_newline = at + 1;
    }
    return after_newline > pos ? after_newline : spaces(pos);
  }

  /// [Lu Lt Lm Lo M]*[Ll Lm Lo M]+: its end, or 0. The first run gives characters back that fit the second as well.
  [[nodiscard]] std::uint32_t lower_word(std::uint32_t pos) const {
    const std::uint32_t uppers = run(pos, kUpperLike);
    if (is(uppers, kLowerLike)) return run(uppers, kLowerLike);
    for (std::uint32_t at = uppers; at > pos; --at) {
      if (is(at - 1, kLowerLike)) return at;
    }
    return 0;
  }
  /// [Lu Lt Lm Lo M]+[Ll Lm Lo M]*
  [[nodiscard]] std::uint32_t upper_word(std::uint32_t pos) const { return run(run(pos, kUpperLike), kLowerLike); }

  static constexpr std::uint32_t kNoCode = 0xFFFFFFFF;
  const WordScanner& rules_;
  const ScanText& text_;
  std::uint32_t n_;
  unsigned word_;
};

using Family = WordScanner::Family;
using Contractions = WordScanner::Contractions;

struct KnownPattern {
  std::string_view pattern;
  WordScanner scanner;
};

#define HEARTH_ANY_CASE "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define HEARTH_TAIL "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
constexpr std::array kKnownPatterns = {
    KnownPattern{"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                 {Family::kGpt2, Contractions::kLowerCase, 0, false, false}},
    KnownPattern{HEARTH_ANY_CASE
                 "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" HEARTH_TAIL,
                 {Family::kLlama3, Contractions::kAnyCase, 3, false, false}},
    KnownPattern{HEARTH_ANY_CASE "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" HEARTH_TAIL,
                 {Family::kLlama3, Contractions::kAnyCase, 1, false, false}},
    KnownPattern{HEARTH_ANY_CASE "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" HEARTH_TAIL,
                 {Family::kLlama3, Contractions::kAnyCase, 0, false, false}},
    KnownPattern{"[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" HEARTH_TAIL,
                 {Family::kLlama3, Contractions::kNone, 1, false, false}},
    KnownPattern{HEARTH_ANY_CASE
                 "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" HEARTH_TAIL,
                 {Family::kLlama3, Contractions::kAnyCase, 1, true, false}},
    KnownPattern{
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" HEARTH_ANY_CASE
        "?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" HEARTH_ANY_CASE
        "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" HEARTH_TAIL,
        {Family::kCaseWords, Contractions::kAnyCase, 3, false, true}},
    KnownPattern{"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                 "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
                 "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" HEARTH_TAIL,
                 {Family::kCaseWords, Contractions::kNone, 1, false, true}},
};
#undef HEARTH_ANY_CASE
#undef HEARTH_TAIL

}  // namespace

std::uint32_t WordScanner::piece_end(const ScanText& text, std::uint32_t pos) const {
  const Scan scan(*this, text);
  switch (family) {
    case Family::kGpt2: return scan.gpt2(pos);
    case Family::kLlama3: return scan.llama3(pos);
    case Family::kCaseWords: return scan.case_words(pos);
  }
  return pos + 1;
}

std::optional<WordScanner> scanner_for(std::string_view pattern) {
  for (const KnownPattern& known : kKnownPatterns) {
    if (known.pattern == pattern) return known.scanner;
  }
  return std::nullopt;
}

}  // namespace hearth::text
