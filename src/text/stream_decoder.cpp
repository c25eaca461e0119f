// Streaming detokenization.
#include "text/stream_decoder.h"

#include "text/utf8.h"

namespace hearth::text {

std::string StreamDecoder::feed(TokenId id) {
  if (!options_.show_special && tokenizer_.is_control(id)) return {};
  std::string_view bytes = tokenizer_.token_bytes(id);
  if (at_start_ && options_.strip_leading_space && tokenizer_.has_leading_space() && bytes.starts_with(' ')) {
    bytes.remove_prefix(1);
  }
  at_start_ = false;
  held_.append(bytes);
  const std::size_t tail = incomplete_utf8_tail(held_);
  std::string out = to_valid_utf8(std::string_view(held_).substr(0, held_.size() - tail));
  held_.erase(0, held_.size() - tail);
  return out;
}

std::string StreamDecoder::flush() {
  std::string out = to_valid_utf8(held_);
  held_.clear();
  return out;
}

}  // namespace hearth::text
