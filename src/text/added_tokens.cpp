// The longest token at each place, and the strip and whole-word rules of Hugging Face's added tokens.
#include "text/added_tokens.h"

#include "text/char_class.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

/// The last character of `text`, which must not be empty.
Utf8Char last_char(std::string_view text) {
  for (std::size_t n = 1; n <= 4 && n <= text.size(); ++n) {
    const Utf8Char found = decode_utf8(text, text.size() - n);
    if (found.valid && found.n_bytes == n) return found;
  }
  return {};
}

/// \w of Rust's regex: the zero-width joiners and letters in circles or squares count in, fractions do not.
bool is_word_char(const Utf8Char& character) {
  if (!character.valid) return false;
  const std::uint32_t code = character.code;
  if ((char_flags(code) & (kLetter | kMark)) != 0 || code == 0x200C || code == 0x200D) return true;
  if ((code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
      (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189)) {
    return true;
  }
  const std::string_view category = kCategoryNames.substr(2 * general_category(code), 2);
  return category == "Nd" || category == "Nl" || category == "Pc";
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, const std::vector<std::string>& spellings)
    : tokens_(tokens) {
  std::vector<TrieEntry> all;
  std::vector<TrieEntry> plain;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const TrieEntry entry{spellings[i], static_cast<std::int32_t>(i)};
    all.push_back(entry);
    if (!tokens[i].special) plain.push_back(entry);
  }
  all_ = StringMatcher(all);
  without_special_ = StringMatcher(plain);
}

std::vector<TextPart> AddedTokens::split(std::string_view text, bool parse_special) const {
  const StringMatcher& matcher = parse_special ? all_ : without_special_;
  const auto hits = matcher.hits_from_the_end(text);
  std::vector<TextPart> parts;
  std::size_t done = 0;   // everything before is in a part
  std::size_t after = 0;  // the next token begins here or later
  for (auto hit = hits.rbegin(); hit != hits.rend(); ++hit) {
    if (hit->begin < after) continue;
    const AddedToken& token = tokens_[static_cast<std::size_t>(hit->value)];
    after = hit->end;
    if (token.single_word) {
      const bool open_left = hit->begin == 0 || !is_word_char(last_char(text.substr(0, hit->begin)));
      const bool open_right = hit->end == text.size() || !is_word_char(decode_utf8(text, hit->end));
      if (!open_left || !open_right) continue;
    }
    std::size_t begin = hit->begin;
    std::size_t end = hit->end;
    while (token.lstrip && begin > done) {
      const Utf8Char before = last_char(text.substr(done, begin - done));
      if (!before.valid || !is_white_space(before.code)) break;
      begin -= before.n_bytes;
    }
    while (token.rstrip && end < text.size()) {
      const Utf8Char next = decode_utf8(text, end);
      if (!next.valid || !is_white_space(next.code)) break;
      end += next.n_bytes;
    }
    after = end;
    if (begin > done) parts.push_back({kNoToken, done, begin});
    parts.push_back({token.id, begin, end});
    done = end;
  }
  if (done < text.size()) parts.push_back({kNoToken, done, text.size()});
  return parts;
}

}  // namespace hearth::text
