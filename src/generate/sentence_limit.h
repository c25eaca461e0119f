// Ends an answer after so many sentences, in text that arrives in pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::generate {

/// A sentence ends with one of . ! ? and their kind, closing quotes included, before white space; the full stops of
/// Chinese and Japanese end one wherever they stand. Counts "e.g. " too: there are at most so many, sometimes fewer.
class SentenceLimit {
 public:
  /// 0: no limit.
  explicit SentenceLimit(std::size_t max_sentences = 0) : max_sentences_(max_sentences) {}

  /// The text that may be shown. After the limit it is always empty.
  std::string feed(std::string_view piece);
  [[nodiscard]] bool reached() const { return max_sentences_ > 0 && n_sentences_ >= max_sentences_; }

 private:
  /// Looks at one character; true when a sentence ended before it.
  bool ends_before(std::string_view character);

  std::size_t max_sentences_;
  std::size_t n_sentences_ = 0;
  enum class Seen : std::uint8_t { kText, kStop, kWideStop } seen_ = Seen::kText;
};

}  // namespace hearth::generate
