// The normalizer steps that work on any string; SentencePiece's own are in sentencepiece_normalizer.cpp.
#include "text/normalizer.h"

#include <algorithm>
#include <functional>

#include "text/byte_alphabet.h"
#include "text/char_class.h"
#include "text/regex.h"
#include "text/sentencepiece_normalizer.h"
#include "text/unicode_forms.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

class Form final : public Normalizer {
 public:
  explicit Form(UnicodeForm form) : form_(form) {}
  std::string apply(std::string_view text) const override { return to_unicode_form(text, form_); }

 private:
  UnicodeForm form_;
};

class Lowercase final : public Normalizer {
 public:
  std::string apply(std::string_view text) const override { return to_lower(text); }
};

class ByteAlphabetForm final : public Normalizer {
 public:
  std::string apply(std::string_view text) const override { return to_byte_alphabet(text); }
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string content) : content_(std::move(content)) {}
  std::string apply(std::string_view text) const override {
    return text.empty() ? std::string() : content_ + std::string(text);
  }

 private:
  std::string content_;
};

class ReplaceText final : public Normalizer {
 public:
  ReplaceText(std::string pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  std::string apply(std::string_view text) const override {
    if (pattern_.empty()) return std::string(text);
    const std::boyer_moore_horspool_searcher searcher(pattern_.begin(), pattern_.end());
    std::string out;
    out.reserve(text.size());
    for (auto at = text.begin(); at != text.end();) {
      const auto found = std::search(at, text.end(), searcher);
      out.append(at, found);
      if (found == text.end()) break;
      out += content_;
      at = found + static_cast<std::ptrdiff_t>(pattern_.size());
    }
    return out;
  }

 private:
  std::string pattern_, content_;
};

class ReplaceRegex final : public Normalizer {
 public:
  ReplaceRegex(Regex regex, std::string content) : regex_(std::move(regex)), content_(std::move(content)) {}
  std::string apply(std::string_view text) const override {
    const Chars chars = to_chars(text);
    std::string out;
    std::uint32_t done = 0;
    const auto copy = [&](std::uint32_t begin, std::uint32_t end) {
      out.append(text.substr(chars.byte_at[begin], chars.byte_at[end] - chars.byte_at[begin]));
    };
    for (const RegexMatch& match : regex_.find_all(chars.codes)) {
      copy(done, match.begin);
      out += content_;
      done = match.end;
    }
    copy(done, chars.size());
    return out;
  }

 private:
  Regex regex_;
  std::string content_;
};

/// Characters that `keep` says no to are dropped.
class Filter final : public Normalizer {
 public:
  using Predicate = bool (*)(std::uint32_t code);
  explicit Filter(Predicate keep) : keep_(keep) {}
  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    for (std::size_t pos = 0; pos < text.size();) {
      const Utf8Char next = decode_utf8(text, pos);
      if (keep_(next.code)) out.append(text.substr(pos, next.n_bytes));
      pos += next.n_bytes;
    }
    return out;
  }

 private:
  Predicate keep_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  std::string apply(std::string_view text) const override {
    const Chars chars = to_chars(text);
    std::uint32_t begin = 0;
    std::uint32_t end = chars.size();
    while (left_ && begin < end && is_white_space(chars.codes[begin])) ++begin;
    while (right_ && end > begin && is_white_space(chars.codes[end - 1])) --end;
    return std::string(text.substr(chars.byte_at[begin], chars.byte_at[end] - chars.byte_at[begin]));
  }

 private:
  bool left_, right_;
};

std::string_view category_name(std::uint32_t code) {
  return kCategoryNames.substr(2 * general_category(code), 2);
}

bool is_cjk(std::uint32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
         (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

/// BERT's cleaning: control characters out, every white space a space, CJK characters apart, accents off, small
/// letters.
class Bert final : public Normalizer {
 public:
  explicit Bert(const NormalizerStep& step)
      : clean_(step.clean_text),
        chinese_(step.handle_chinese),
        accents_(step.strip_accents),
        lowercase_(step.lowercase) {}

  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    for (std::size_t pos = 0; pos < text.size();) {
      const Utf8Char next = decode_utf8(text, pos);
      pos += next.n_bytes;
      if (clean_ && drops(next.code)) continue;
      if (clean_ && is_white_space(next.code)) {
        out.push_back(' ');
      } else if (chinese_ && is_cjk(next.code)) {
        out.push_back(' ');
        append_utf8(out, next.code);
        out.push_back(' ');
      } else {
        append_utf8(out, next.code);
      }
    }
    if (accents_) {
      out = to_unicode_form(out, UnicodeForm::kNfd);
      out = Filter([](std::uint32_t code) { return category_name(code) != "Mn"; }).apply(out);
    }
    return lowercase_ ? to_lower(out) : out;
  }

 private:
  static bool drops(std::uint32_t code) {
    if (code == 0 || code == kReplacementChar) return true;
    if (code == '\t' || code == '\n' || code == '\r') return false;
    const std::string_view category = category_name(code);
    return category[0] == 'C' && category != "Cn";
  }
  bool clean_, chinese_, accents_, lowercase_;
};

Result<std::unique_ptr<Normalizer>> make_step(const NormalizerStep& step, const VocabData& data) {
  using Kind = NormalizerStep::Kind;
  switch (step.kind) {
    case Kind::kNfc: return std::make_unique<Form>(UnicodeForm::kNfc);
    case Kind::kNfd: return std::make_unique<Form>(UnicodeForm::kNfd);
    case Kind::kNfkc: return std::make_unique<Form>(UnicodeForm::kNfkc);
    case Kind::kNfkd: return std::make_unique<Form>(UnicodeForm::kNfkd);
    case Kind::kLowercase: return std::make_unique<Lowercase>();
    case Kind::kStripAccents:
      return std::make_unique<Filter>([](std::uint32_t code) { return category_name(code)[0] != 'M'; });
    case Kind::kStrip: return std::make_unique<Strip>(step.left, step.right);
    case Kind::kReplaceText: return std::make_unique<ReplaceText>(step.pattern, step.content);
    case Kind::kReplaceRegex: {
      HEARTH_TRY(Regex regex, Regex::compile(step.pattern));
      return std::make_unique<ReplaceRegex>(std::move(regex), step.content);
    }
    case Kind::kPrepend: return std::make_unique<Prepend>(step.content);
    case Kind::kBert: return std::make_unique<Bert>(step);
    case Kind::kByteAlphabet: return std::make_unique<ByteAlphabetForm>();
    case Kind::kCharsmap: return make_charsmap_normalizer(step);
    case Kind::kNmt: return make_nmt_normalizer();
    case Kind::kSentencePiece: return make_sentencepiece_normalizer(step, data);
  }
  return fail(ErrorCode::kInternal, "compiling a normalizer of no known kind");
}

}  // namespace

Result<std::vector<std::unique_ptr<Normalizer>>> make_normalizers(const VocabData& data) {
  std::vector<std::unique_ptr<Normalizer>> out;
  for (const NormalizerStep& step : data.normalizers) {
    HEARTH_TRY(auto made, make_step(step, data));
    out.push_back(std::move(made));
  }
  return out;
}

}  // namespace hearth::text
