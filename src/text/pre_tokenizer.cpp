// The pre-tokenizer steps. Cutting steps refine character ranges; rewriting steps build the text anew.
#include "text/pre_tokenizer.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "text/byte_alphabet.h"
#include "text/regex.h"
#include "text/utf8.h"
#include "text/word_scanners.h"

namespace hearth::text {
namespace {

using Range = PieceList::Range;
constexpr std::string_view kGpt2Pattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/// \w+|[^\w\s]+ with the \w of Rust's regex, which counts the zero-width joiners in and fractions out.
#define HEARTH_RUST_WORD                                                                                     \
  "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\u200C\\u200D\\u24B6-\\u24E9\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}" \
  "\\x{1F170}-\\x{1F189}"
constexpr std::string_view kWordsPattern = "[" HEARTH_RUST_WORD "]+|[^\\s" HEARTH_RUST_WORD "]+";
#undef HEARTH_RUST_WORD

/// A stretch that is a delimiter or lies between two.
struct Part {
  Range range;
  bool delimiter = false;
};

void push(std::vector<Range>& out, Range range) {
  if (range.end > range.begin) out.push_back(range);
}

/// What becomes of delimiters and the text between them (Hugging Face's SplitDelimiterBehavior).
void arrange(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<Range>& out) {
  const std::size_t first = out.size();
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Part& part : parts) {
        if (!part.delimiter) push(out, part.range);
      }
      return;
    case SplitBehavior::kIsolated:
      for (const Part& part : parts) push(out, part.range);
      return;
    case SplitBehavior::kContiguous: {
      std::optional<bool> previous;
      for (const Part& part : parts) {
        if (part.range.begin == part.range.end) continue;
        if (previous == part.delimiter) {
          out.back().end = part.range.end;
        } else {
          out.push_back(part.range);
        }
        previous = part.delimiter;
      }
      return;
    }
    case SplitBehavior::kMergedWithPrevious: {
      bool previous = false;
      for (const Part& part : parts) {
        if (part.range.begin == part.range.end) continue;
        if (part.delimiter && !previous && out.size() > first) {
          out.back().end = part.range.end;
        } else {
          out.push_back(part.range);
        }
        previous = part.delimiter;
      }
      return;
    }
    case SplitBehavior::kMergedWithNext: {
      bool pending = false;  // the last piece is a delimiter that waits for its text
      for (const Part& part : parts) {
        if (part.range.begin == part.range.end) continue;
        if (pending && !part.delimiter) {
          out.back().end = part.range.end;
          pending = false;
        } else {
          out.push_back(part.range);
          pending = part.delimiter;
        }
      }
      return;
    }
  }
}

/// A step that only cuts.
class Cutter : public PreTokenizer {
 public:
  void apply(PieceList& list) const final {
    std::vector<Range> out;
    out.reserve(list.pieces.size());
    for (const Range& piece : list.pieces) cut(list, piece, out);
    list.pieces = std::move(out);
  }

 protected:
  virtual void cut(const PieceList& list, Range piece, std::vector<Range>& out) const = 0;
};

class ScannerCutter final : public Cutter {
 public:
  explicit ScannerCutter(const WordScanner& scanner) : scanner_(scanner) {}

 protected:
  void cut(const PieceList& list, Range piece, std::vector<Range>& out) const override {
    const std::uint32_t n = piece.end - piece.begin;
    const ScanText text{std::span(list.chars.codes).subspan(piece.begin, n),
                        std::span(list.flags).subspan(piece.begin, n)};
    for (std::uint32_t pos = 0; pos < n;) {
      const std::uint32_t end = scanner_.piece_end(text, pos);
      out.push_back({piece.begin + pos, piece.begin + end});
      pos = end;
    }
  }

 private:
  WordScanner scanner_;
};

class RegexCutter final : public PreTokenizer {
 public:
  RegexCutter(Regex regex, SplitBehavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}

  void apply(PieceList& list) const override {
    std::vector<Range> out;
    out.reserve(list.pieces.size());
    RegexSearch search(regex_);
    std::vector<Part> parts;
    for (const Range& piece : list.pieces) {
      parts.clear();
      std::uint32_t done = piece.begin;
      for (const RegexMatch& match :
           search.find_all(std::span(list.chars.codes).subspan(piece.begin, piece.end - piece.begin))) {
        const Range range{piece.begin + match.begin, piece.begin + match.end};
        if (range.begin > done) parts.push_back({{done, range.begin}, invert_});
        parts.push_back({range, !invert_});
        done = range.end;
      }
      if (done < piece.end) parts.push_back({{done, piece.end}, invert_});
      arrange(parts, behavior_, out);
    }
    list.pieces = std::move(out);
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

class TextCutter final : public Cutter {
 public:
  TextCutter(std::string_view pattern, SplitBehavior behavior, bool invert)
      : pattern_(to_chars(pattern).codes), behavior_(behavior), invert_(invert) {}

 protected:
  void cut(const PieceList& list, Range piece, std::vector<Range>& out) const override {
    const auto first = list.chars.codes.begin() + piece.begin;
    const auto last = list.chars.codes.begin() + piece.end;
    const std::boyer_moore_horspool_searcher searcher(pattern_.begin(), pattern_.end());
    std::vector<Part> parts;
    for (auto at = first; at != last;) {
      const auto found = pattern_.empty() ? last : std::search(at, last, searcher);
      const auto here = static_cast<std::uint32_t>(at - list.chars.codes.begin());
      const auto begin = static_cast<std::uint32_t>(found - list.chars.codes.begin());
      if (begin > here) parts.push_back({{here, begin}, invert_});
      if (found == last) break;
      const auto end = begin + static_cast<std::uint32_t>(pattern_.size());
      parts.push_back({{begin, end}, !invert_});
      at = list.chars.codes.begin() + end;
    }
    arrange(parts, behavior_, out);
  }

 private:
  std::vector<std::uint32_t> pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

/// Every character that `is_delimiter` is one.
class CharCutter final : public Cutter {
 public:
  using Predicate = bool (*)(std::uint32_t code, CharFlags flags);
  CharCutter(Predicate is_delimiter, SplitBehavior behavior) : is_delimiter_(is_delimiter), behavior_(behavior) {}

 protected:
  void cut(const PieceList& list, Range piece, std::vector<Range>& out) const override {
    std::vector<Part> parts;
    for (std::uint32_t pos = piece.begin; pos < piece.end; ++pos) {
      const bool delimiter = is_delimiter_(list.chars.codes[pos], list.flags[pos]);
      if (!delimiter && !parts.empty() && !parts.back().delimiter) {
        parts.back().range.end = pos + 1;
      } else {
        parts.push_back({{pos, pos + 1}, delimiter});
      }
    }
    arrange(parts, behavior_, out);
  }

 private:
  Predicate is_delimiter_;
  SplitBehavior behavior_;
};

/// Runs of decimal digits in groups of three, counted from the right.
class DigitGroupCutter final : public Cutter {
 protected:
  void cut(const PieceList& list, Range piece, std::vector<Range>& out) const override {
    std::uint32_t done = piece.begin;
    for (std::uint32_t pos = piece.begin; pos < piece.end;) {
      if ((list.flags[pos] & kNumber) == 0) {
        ++pos;
        continue;
      }
      push(out, {done, pos});
      std::uint32_t end = pos;
      while (end < piece.end && (list.flags[end] & kNumber) != 0) ++end;
      const std::uint32_t lead = (end - pos) % 3;
      if (lead > 0) out.push_back({pos, pos + lead});
      for (std::uint32_t at = pos + lead; at < end; at += 3) out.push_back({at, at + 3});
      pos = end;
      done = end;
    }
    push(out, {done, piece.end});
  }
};

/// A step that writes every piece anew.
class Rewriter : public PreTokenizer {
 public:
  void apply(PieceList& list) const final {
    std::string text;
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < list.pieces.size(); ++i) {
      rewrite(list.piece(i), list.starts_text && i == 0, text);
      ends.push_back(text.size());
    }
    std::vector<Range> pieces;
    list.owned = std::move(text);
    list.chars = to_chars(list.owned);
    list.flags.clear();
    for (const std::uint32_t code : list.chars.codes) list.flags.push_back(char_flags(code));
    std::uint32_t at = 0;
    for (const std::size_t end : ends) {
      const std::uint32_t begin = at;
      while (list.chars.byte_at[at] < end) ++at;
      push(pieces, {begin, at});
    }
    list.pieces = std::move(pieces);
  }

 protected:
  virtual void rewrite(std::string_view piece, bool first, std::string& out) const = 0;
};

class PrefixSpace final : public Rewriter {
 protected:
  void rewrite(std::string_view piece, bool /*first*/, std::string& out) const override {
    if (!piece.starts_with(' ')) out.push_back(' ');
    out.append(piece);
  }
};

class ToByteAlphabet final : public Rewriter {
 protected:
  void rewrite(std::string_view piece, bool /*first*/, std::string& out) const override {
    out += to_byte_alphabet(piece);
  }
};

class Metaspace final : public Rewriter {
 public:
  Metaspace(std::string replacement, PreTokenizerStep::Prepend prepend)
      : replacement_(std::move(replacement)), prepend_(prepend) {}

 protected:
  void rewrite(std::string_view piece, bool first, std::string& out) const override {
    const bool wanted =
        prepend_ == PreTokenizerStep::Prepend::kAlways || (prepend_ == PreTokenizerStep::Prepend::kFirst && first);
    if (wanted && !piece.starts_with(replacement_) && !piece.starts_with(' ')) out += replacement_;
    for (const char byte : piece) {
      if (byte == ' ') {
        out += replacement_;
      } else {
        out.push_back(byte);
      }
    }
  }

 private:
  std::string replacement_;
  PreTokenizerStep::Prepend prepend_;
};

using Steps = std::vector<std::unique_ptr<PreTokenizer>>;

Status add_regex(std::string_view pattern, SplitBehavior behavior, bool invert, Steps& out) {
  if (behavior == SplitBehavior::kIsolated || (behavior == SplitBehavior::kRemoved && invert)) {
    if (const auto scanner = scanner_for(pattern)) {
      out.push_back(std::make_unique<ScannerCutter>(*scanner));
      return {};
    }
  }
  HEARTH_TRY(Regex regex, Regex::compile(pattern));
  out.push_back(std::make_unique<RegexCutter>(std::move(regex), behavior, invert));
  return {};
}

bool is_bert_punctuation(std::uint32_t code, CharFlags flags) {
  if (code < 128) return (flags & (kPunct | kSymbol)) != 0;
  return (flags & kPunct) != 0;
}

Status add_step(const PreTokenizerStep& step, bool stays_raw, Steps& out) {
  using Kind = PreTokenizerStep::Kind;
  const auto chars = [&](CharCutter::Predicate predicate, SplitBehavior behavior) {
    out.push_back(std::make_unique<CharCutter>(predicate, behavior));
  };
  const auto white = [](std::uint32_t, CharFlags flags) { return (flags & kSpace) != 0; };
  switch (step.kind) {
    case Kind::kSplitText:
      out.push_back(std::make_unique<TextCutter>(step.pattern, step.behavior, step.invert));
      return {};
    case Kind::kSplitRegex: return add_regex(step.pattern, step.behavior, step.invert, out);
    case Kind::kByteLevel:
      if (step.add_prefix_space) out.push_back(std::make_unique<PrefixSpace>());
      if (step.use_regex) HEARTH_CHECK(add_regex(kGpt2Pattern, SplitBehavior::kIsolated, false, out));
      if (!stays_raw) out.push_back(std::make_unique<ToByteAlphabet>());
      return {};
    case Kind::kMetaspace:
      out.push_back(std::make_unique<Metaspace>(step.content, step.prepend));
      if (step.split) out.push_back(std::make_unique<TextCutter>(step.content, SplitBehavior::kMergedWithNext, false));
      return {};
    case Kind::kDigits:
      chars([](std::uint32_t, CharFlags flags) { return (flags & kNumber) != 0; },
            step.individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
      return {};
    case Kind::kPunctuation: chars(is_bert_punctuation, step.behavior); return {};
    case Kind::kWhitespace: return add_regex(kWordsPattern, SplitBehavior::kRemoved, true, out);
    case Kind::kWhitespaceSplit: chars(white, SplitBehavior::kRemoved); return {};
    case Kind::kBert:
      chars(white, SplitBehavior::kRemoved);
      chars(is_bert_punctuation, SplitBehavior::kIsolated);
      return {};
    case Kind::kDigitGroups: out.push_back(std::make_unique<DigitGroupCutter>()); return {};
    case Kind::kUnicodeScripts: break;
  }
  return fail(ErrorCode::kUnsupportedModel, "compiling a pre-tokenizer: UnicodeScripts is not supported");
}

}  // namespace

Result<std::vector<std::unique_ptr<PreTokenizer>>> make_pre_tokenizers(const std::vector<PreTokenizerStep>& steps,
                                                                       bool model_takes_bytes) {
  Steps out;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    HEARTH_CHECK(add_step(steps[i], last && model_takes_bytes, out));
  }
  return out;
}

PieceList whole_piece(std::string_view bytes, bool starts_text) {
  PieceList list;
  list.starts_text = starts_text;
  list.chars = to_chars(bytes);
  list.flags.reserve(list.chars.size());
  for (const std::uint32_t code : list.chars.codes) list.flags.push_back(char_flags(code));
  if (!bytes.empty()) list.pieces.push_back({0, list.chars.size()});
  return list;
}

}  // namespace hearth::text
