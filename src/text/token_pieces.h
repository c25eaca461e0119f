// What each token looks like as text: the decoder steps of a vocabulary, applied to every token once.
#pragma once

#include "text/string_table.h"
#include "text/vocab_data.h"

namespace hearth::text {

/// The bytes of every token of `data`, in order.
StringTable make_token_pieces(const VocabData& data);

}  // namespace hearth::text
