// A rendered prompt to token ids: only what the template wrote may become special tokens.
#pragma once

#include <span>
#include <vector>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::text {

/// The ids of all segments as one text, so that words and merges run over their borders as the model knows them. A
/// special token is found only where template segments alone spell it. The vocabulary's BOS comes first where it wants
/// one and the template has not written it; nothing is added at the end. Media segments are refused here: they are not
/// text.
Result<std::vector<TokenId>> tokenize_segments(const Tokenizer& tokenizer, std::span<const Segment> segments);

}  // namespace hearth::text
