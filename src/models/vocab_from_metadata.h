// The tokenizer that a model file describes in its tokenizer.ggml.* keys, as plain data for text::Tokenizer.
#pragma once

#include "base/result.h"
#include "file/model_file.h"
#include "text/vocab_data.h"

namespace hearth {

/// Reads and checks every tokenizer key: types, lengths, ids in range. tokenizer.ggml.model "none" and "no_vocab" give
/// a vocabulary of kind kNone. Errors name the key and what was found; a tokenizer that we do not have is refused by
/// name.
Result<text::VocabData> vocab_from_metadata(const ModelFile& file);

}  // namespace hearth
