// The longest token at each place, and the strip and whole-word rules of Hugging Face's added tokens.
#include "text/added_tokens.h"

#include <algorithm>

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

AddedTokens::AddedTokens(const std::vector<SpelledToken>& tokens) {
  std::vector<TrieEntry> all;
  std::vector<TrieEntry> plain;
  std::vector<TrieEntry> unframed;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const TrieEntry entry{tokens[i].spelling, static_cast<std::int32_t>(i)};
    const bool special = tokens[i].token.special, frames = special || tokens[i].frames;
    tokens_.push_back(tokens[i].token);
    frames_.push_back(frames ? 1 : 0);
    all.push_back(entry);
    if (!special) plain.push_back(entry);
    if (!frames) unframed.push_back(entry);
    has_special_ = has_special_ || frames;
  }
  all_ = StringMatcher(all);
  without_special_ = StringMatcher(plain);
  without_frames_ = StringMatcher(unframed);
}

/// The longest token at each place, by ascending begin; they may overlap. A special token of a trusted range comes
/// before every other token that overlaps it, so that no text beside it can take a part of it away.
AddedTokens::Hits AddedTokens::find(std::string_view text, std::span<const ByteRange> trusted,
                                    Untrusted untrusted) const {
  const StringMatcher& elsewhere = untrusted == Untrusted::kNoFrame ? without_frames_ : without_special_;
  const bool all_trusted = trusted.size() == 1 && trusted.front().begin == 0 && trusted.front().end == text.size();
  if (all_trusted || trusted.empty() || !has_special_) {
    Hits hits = (all_trusted ? all_ : elsewhere).hits_from_the_end(text);
    std::ranges::reverse(hits);
    return hits;
  }
  Hits special;
  for (const ByteRange& range : trusted) {
    const Hits hits = all_.hits_from_the_end(text.substr(range.begin, range.end - range.begin));
    std::size_t after = 0;
    for (auto hit = hits.rbegin(); hit != hits.rend(); ++hit) {
      if (hit->begin < after) continue;
      after = hit->end;
      if (frames_[static_cast<std::size_t>(hit->value)] == 0) continue;
      special.push_back({hit->begin + range.begin, hit->end + range.begin, hit->value});
    }
  }
  const Hits plain = elsewhere.hits_from_the_end(text);
  Hits hits;
  auto next = special.begin();
  for (auto hit = plain.rbegin(); hit != plain.rend(); ++hit) {
    while (next != special.end() && next->end <= hit->begin) hits.push_back(*next++);
    if (next == special.end() || hit->end <= next->begin) hits.push_back(*hit);
  }
  hits.insert(hits.end(), next, special.end());
  return hits;
}

std::vector<TextPart> AddedTokens::split(std::string_view text, std::span<const ByteRange> trusted,
                                         Untrusted untrusted) const {
  const Hits hits = find(text, trusted, untrusted);
  std::vector<TextPart> parts;
  std::size_t done = 0;   // everything before is in a part
  std::size_t after = 0;  // the next token begins here or later
  for (auto hit = hits.begin(); hit != hits.end(); ++hit) {
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
