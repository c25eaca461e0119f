// Rope of models that also see pictures: sections of a head turn by time, height and width (arXiv 2409.12191).
#pragma once

#include <array>

#include "models/config.h"
#include "ops/rope.h"

namespace hearth {

/// How the pairs of a head are dealt out to the sections; after the last one it starts again with the first.
enum class RopeSections : std::uint8_t {
  kBlocks,      // section after section
  kInterleaved  // time, height, width, time, ... each until its number is used up
};

/// Pairs per section: time, height, width, and one without a meaning for text. All 0 where the file has none.
std::array<std::size_t, 4> read_rope_sections(ConfigReader& reader);

/// For text, time, height and width all are the token's position; pairs of no section or the fourth do not turn.
void keep_text_sections(ops::Rope& rope, const std::array<std::size_t, 4>& sections, RopeSections layout);

}  // namespace hearth
