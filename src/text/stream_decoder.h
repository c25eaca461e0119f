// Tokens to text as they come, in pieces that are always valid UTF-8.
#pragma once

#include <string>
#include <utility>

#include "text/tokenizer.h"

namespace hearth::text {

/// Holds back the beginning of a character until its rest has come; bytes that can become none turn into U+FFFD.
/// One per stream, not shared between threads.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, DecodeOptions options = {})
      : tokenizer_(std::move(tokenizer)), options_(options) {}

  /// The text that `id` completes; may be empty.
  std::string feed(TokenId id);
  /// What is still held back, as U+FFFD. The decoder may go on being fed.
  std::string flush();

 private:
  Tokenizer tokenizer_;
  DecodeOptions options_;
  bool at_start_ = true;
  std::string held_;  // an incomplete character, at most 3 bytes
};

}  // namespace hearth::text
