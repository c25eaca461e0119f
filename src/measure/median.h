// The middle value: what a noisy machine moves least.
#pragma once

#include <algorithm>
#include <vector>

namespace hearth::measure {

/// Of at least one value; between the two in the middle where their number is even.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace hearth::measure
