// The catalogue's models as candidates for a device.
#pragma once

#include <span>
#include <vector>

#include "library/fit/need.h"
#include "library/names/catalogue.h"

namespace hearth::fit {

/// Those whose shape is known and that the engine of this build opens, as Q4_K_M.
std::vector<Candidate> candidates_of(const library::Catalogue& catalogue);

}  // namespace hearth::fit
