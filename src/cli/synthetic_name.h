// SHAPE:TYPE, such as llama-3.2-1b:Q4_K_M: how commands name a model with random weights.
#pragma once

#include <string>
#include <string_view>

#include "cli/outcome.h"
#include "library/synthetic.h"

namespace hearth::cli {

struct SyntheticName {
  const synthetic::Shape* shape = nullptr;
  const quantize::MixInfo* mix = nullptr;
};

/// A shape or type that does not exist is a mistake in usage, answered with those that do.
Checked<SyntheticName> parse_synthetic_name(const std::string& text);
/// All shapes, separated by commas.
std::string synthetic_shape_names();

}  // namespace hearth::cli
