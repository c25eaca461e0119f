// Metadata of a model file, shown: every key with its type and value, long ones shortened.
#pragma once

#include <string>

#include "file/model_file.h"

namespace hearth::cli {

/// One line per key.
std::string metadata_text(const ModelFile& file);
/// A JSON object; of arrays the first elements and the length.
std::string metadata_json(const ModelFile& file);

}  // namespace hearth::cli
