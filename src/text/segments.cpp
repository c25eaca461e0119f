// Joins segments, remembers which bytes the template wrote, and encodes them at once.
#include "text/segments.h"

namespace hearth::text {

Result<std::vector<TokenId>> tokenize_segments(const Tokenizer& tokenizer, std::span<const Segment> segments) {
  std::string text;
  std::vector<ByteRange> trusted;
  for (const Segment& segment : segments) {
    if (segment.kind == SegmentKind::kMedia) {
      return fail(ErrorCode::kInvalidArgument,
                  "encoding a prompt: it has a place for an image or sound, which is not text; encode what stands "
                  "between such places piece by piece");
    }
    const std::size_t begin = text.size();
    text += segment.text;
    if (segment.kind == SegmentKind::kData || segment.text.empty()) continue;
    if (!trusted.empty() && trusted.back().end == begin) {
      trusted.back().end = text.size();
    } else {
      trusted.push_back({begin, text.size()});
    }
  }
  std::vector<TokenId> ids = tokenizer.encode_prompt(text, trusted);
  const TokenId bos = tokenizer.special().bos;
  const bool wants_bos = tokenizer.data().add_bos && bos != kNoToken;
  if (wants_bos && (ids.empty() || ids.front() != bos)) ids.insert(ids.begin(), bos);
  return ids;
}

}  // namespace hearth::text
