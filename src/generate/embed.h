// The meaning of a text as a vector, by a model made for that.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::generate {

/// [dim] values of length 1 (in the sense of geometry), so that a dot product compares two texts. The text must fit the
/// model's context.
Result<std::vector<float>> embed(LanguageModel& model, std::string_view text);

}  // namespace hearth::generate
