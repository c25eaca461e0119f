// Mechanism of sentencepiece/src/normalizer.cc and tokenizers' precompiled.rs, restated.
#include "text/sentencepiece_normalizer.h"

#include <utf8proc.h>

#include "text/charsmap.h"
#include "text/trie.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

class SentencePieceNormalizer final : public Normalizer {
 public:
  SentencePieceNormalizer(const NormalizerStep& step, Charsmap map, const VocabData& data)
      : map_(std::move(map)),
        add_prefix_(step.add_dummy_prefix),
        merge_spaces_(step.remove_extra_spaces),
        suffix_(step.space_as_suffix),
        space_(step.escape_spaces ? kVisibleSpace : std::string_view(" ")) {
    std::vector<TrieEntry> names;
    for (std::size_t idx = 0; idx < data.types.size(); ++idx) {
      if (data.types[idx] == TokenType::kUserDefined)
        names.push_back({data.tokens[idx], static_cast<std::int32_t>(idx)});
    }
    user_defined_ = StringMatcher(names);
  }

  std::string apply(std::string_view text) const override {
    const auto hits = user_defined_.hits_from_the_end(text);
    Input input{text, hits, hits.size(), 0};
    std::string pending;
    if (merge_spaces_) {
      // Leading spaces go; a text of nothing else is empty.
      while (true) {
        if (input.pos >= text.size()) return {};
        const std::size_t before = input.pos;
        pending = next(input);
        if (pending != " ") {
          input.pos = before;
          break;
        }
      }
    } else if (text.empty()) {
      return {};
    }
    std::string out;
    out.reserve(text.size() + text.size() / 2);
    if (add_prefix_ && !suffix_) out += space_;
    bool after_space = merge_spaces_;
    while (input.pos < text.size()) {
      std::string_view part = pending = next(input);
      while (after_space && part.starts_with(' ')) part.remove_prefix(1);
      if (!part.empty()) {
        for (const char byte : part) {
          if (byte == ' ') {
            out += space_;
          } else {
            out.push_back(byte);
          }
        }
        after_space = part.ends_with(' ');
      }
      if (!merge_spaces_) after_space = false;
    }
    while (merge_spaces_ && out.ends_with(space_)) out.resize(out.size() - space_.size());
    if (add_prefix_ && suffix_) out += space_;
    return out;
  }

 private:
  struct Input {
    std::string_view text;
    const std::vector<StringMatcher::Hit>& hits;  // by descending begin
    std::size_t n_hits;                           // those at `pos` or behind it are the first n_hits
    std::size_t pos;
  };

  /// What the characters at the position become; moves past them.
  std::string next(Input& input) const {
    while (input.n_hits > 0 && input.hits[input.n_hits - 1].begin < input.pos) --input.n_hits;
    const std::string_view rest = input.text.substr(input.pos);
    if (input.n_hits > 0 && input.hits[input.n_hits - 1].begin == input.pos) {
      const std::size_t n_bytes = input.hits[input.n_hits - 1].end - input.pos;
      input.pos += n_bytes;
      return std::string(rest.substr(0, n_bytes));
    }
    if (const auto match = map_.longest(rest)) {
      input.pos += match->n_bytes;
      return std::string(match->replacement);
    }
    const Utf8Char character = decode_utf8(rest, 0);
    input.pos += character.n_bytes;
    return std::string(character.valid ? rest.substr(0, character.n_bytes) : kReplacementUtf8);
  }

  Charsmap map_;
  bool add_prefix_, merge_spaces_, suffix_;
  std::string space_;
  StringMatcher user_defined_;
};

class CharsmapNormalizer final : public Normalizer {
 public:
  explicit CharsmapNormalizer(Charsmap map) : map_(std::move(map)) {}

  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    std::size_t begin = 0;
    std::size_t pos = 0;
    utf8proc_int32_t state = 0;
    std::int64_t previous = -1;
    for (; pos < text.size();) {
      const Utf8Char character = decode_utf8(text, pos);
      const auto code = static_cast<utf8proc_int32_t>(character.code);
      if (previous >= 0 &&
          utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous), code, &state) != 0) {
        cluster(text.substr(begin, pos - begin), out);
        begin = pos;
      }
      previous = code;
      pos += character.n_bytes;
    }
    cluster(text.substr(begin), out);
    return out;
  }

 private:
  static constexpr std::size_t kShortCluster = 6;

  void cluster(std::string_view text, std::string& out) const {
    if (text.size() < kShortCluster) {
      if (const auto match = map_.shortest(text)) {
        out += match->replacement;  // for the whole cluster, whatever part of it matched: so it was trained
        return;
      }
    }
    for (std::size_t pos = 0; pos < text.size();) {
      const std::uint32_t n_bytes = decode_utf8(text, pos).n_bytes;
      const std::string_view character = text.substr(pos, n_bytes);
      const auto match = map_.shortest(character);
      out += match ? match->replacement : character;
      pos += n_bytes;
    }
  }

  Charsmap map_;
};

class Nmt final : public Normalizer {
 public:
  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    for (std::size_t pos = 0; pos < text.size();) {
      const Utf8Char character = decode_utf8(text, pos);
      if (is_space(character.code)) {
        out.push_back(' ');
      } else if (!is_control(character.code)) {
        out.append(text.substr(pos, character.n_bytes));
      }
      pos += character.n_bytes;
    }
    return out;
  }

 private:
  static bool is_control(std::uint32_t code) {
    return (code >= 0x01 && code <= 0x08) || code == 0x0B || (code >= 0x0E && code <= 0x1F) || code == 0x7F ||
           code == 0x8F || code == 0x9F;
  }
  static bool is_space(std::uint32_t code) {
    return code == 0x09 || code == 0x0A || code == 0x0C || code == 0x0D || code == 0x1680 ||
           (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 || code == 0x2581 || code == 0xFEFF ||
           code == 0xFFFD;
  }
};

}  // namespace

Result<std::unique_ptr<Normalizer>> make_sentencepiece_normalizer(const NormalizerStep& step, const VocabData& data) {
  HEARTH_TRY(Charsmap map, Charsmap::parse(step.content));
  return std::make_unique<SentencePieceNormalizer>(step, std::move(map), data);
}

Result<std::unique_ptr<Normalizer>> make_charsmap_normalizer(const NormalizerStep& step) {
  HEARTH_TRY(Charsmap map, Charsmap::parse(step.content));
  return std::make_unique<CharsmapNormalizer>(std::move(map));
}

std::unique_ptr<Normalizer> make_nmt_normalizer() {
  return std::make_unique<Nmt>();
}

}  // namespace hearth::text
