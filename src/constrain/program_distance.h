// What is proven about positions of a program before anything runs: how far the end is, and that none calls itself.
#pragma once

#include <optional>

#include "constrain/program.h"

namespace hearth::constrain {

/// Fills program.distance.
void compute_distances(Program& program);

/// A position that leads back to itself without taking a byte.
std::optional<OpId> find_left_recursion(const Program& program);

}  // namespace hearth::constrain
