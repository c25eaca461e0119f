// The tokenizer of src/text as the vocabulary that every engine offers.
#pragma once

#include <memory>

#include "base/result.h"
#include "file/model_file.h"
#include "hearth/vocabulary.h"
#include "text/vocab_data.h"

namespace hearth::native {

/// Compiles `data`.
Result<std::unique_ptr<Vocabulary>> make_vocabulary(text::VocabData data);
/// The vocabulary that a model file carries; null when it carries none.
Result<std::unique_ptr<Vocabulary>> read_vocabulary(const ModelFile& file);

}  // namespace hearth::native
