// Selection without sorting: the k best, and the smallest leading group that holds a given mass.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sample/mass.h"

namespace hearth::sample {

/// The indexes of the k largest values, ties to the lower index; ascending by index. Considered are values above
/// -infinity whose bit in `allowed` is set (bit i % 32 of word i / 32; empty = all); +infinity ties with kLargestLogit.
std::vector<std::size_t> largest(std::span<const float> values, std::size_t k,
                                 std::span<const std::uint32_t> allowed = {});

/// How far a logit is from the front of the order: 0 = first. Covers top-p (centre = the largest logit) and typical
/// sampling (centre = log of the total - entropy).
struct DistanceFrom {
  double centre = 0;
  [[nodiscard]] double operator()(float logit) const { return std::fabs(centre - logit); }
};

/// Orders finite logits by distance, ties to the lower index, and takes from the front until the masses of those taken
/// reach `target`, at most the total. Returns the indexes taken, ascending.
std::vector<std::size_t> leading_mass(std::span<const float> logits, DistanceFrom distance, std::uint64_t target);

}  // namespace hearth::sample
