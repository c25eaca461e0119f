// Which pairs turn when all input is text.
#include "models/rope_sections.h"

#include <algorithm>

namespace hearth {

std::array<std::size_t, 4> read_rope_sections(ConfigReader& reader) {
  std::array<std::size_t, 4> sections{};
  std::ranges::copy(reader.per_layer("rope.dimension_sections", sections.size(), 0, 1u << 20, std::size_t{0}),
                    sections.begin());
  return sections;
}

void keep_text_sections(ops::Rope& rope, const std::array<std::size_t, 4>& sections, RopeSections layout) {
  const std::size_t n = sections[0] + sections[1] + sections[2] + sections[3];
  for (std::size_t i = 0; n > 0 && i < rope.frequencies.size(); ++i) {
    const std::size_t at = i % n;
    const bool turns = layout == RopeSections::kBlocks ? at < n - sections[3] : at < 3 * sections[at % 3];
    if (!turns) rope.frequencies[i] = 0;
  }
}

}  // namespace hearth
