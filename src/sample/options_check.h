// Whether sampling options make sense, before the first token is drawn.
#pragma once

#include <cstdint>

#include "hearth/sampling.h"

namespace hearth::sample {

/// The first option that is out of range, as one sentence: its name, what it may be, what it was.
Status check_options(const SamplerOptions& options, std::int32_t vocab_size);

}  // namespace hearth::sample
