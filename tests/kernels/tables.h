// What every kernel test needs: the tables this CPU runs, reproducible numbers, and equality to the last bit.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "kernels/supported_tables.h"
#include "kernels/table.h"

namespace hearth::kernels::testing {

inline const KernelTable& scalar() {
  return *all_tables().front();
}

/// Uniform numbers from a fixed sequence (splitmix64).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  float in(float low, float high) { return low + (high - low) * static_cast<float>(bits() >> 40) * 0x1p-24f; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }
  std::vector<float> vector(std::size_t n, float low = -1.0f, float high = 1.0f) {
    std::vector<float> x(n);
    for (float& v : x) v = in(low, high);
    return x;
  }

 private:
  std::uint64_t state_;
};

inline const std::vector<float>& special_values() {
  using L = std::numeric_limits<float>;
  static const std::vector<float> values = {0.0f,
                                            -0.0f,
                                            1.0f,
                                            -1.0f,
                                            L::infinity(),
                                            -L::infinity(),
                                            L::quiet_NaN(),
                                            -L::quiet_NaN(),
                                            L::max(),
                                            -L::max(),
                                            L::min(),
                                            L::denorm_min(),
                                            -L::denorm_min(),
                                            1e-40f,
                                            65504.0f,
                                            65520.0f,
                                            -87.0f,
                                            -87.001f,
                                            88.72283f,
                                            88.73f,
                                            -88.73f,
                                            104.0f,
                                            0.625f,
                                            0.95f,
                                            4.0f,
                                            -4.0f,
                                            16777216.0f,
                                            8388609.5f,
                                            1e-7f,
                                            std::bit_cast<float>(0x7fa12345u),
                                            1e30f,
                                            -1e30f};
  return values;
}

/// The bits of a float, all NaNs alike: their sign and payload are no part of the recipe (x86 and arm64 differ).
inline std::uint32_t comparable_bits(float x) {
  return std::isnan(x) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(x);
}

inline ::testing::AssertionResult same_bits(std::span<const float> expected, std::span<const float> found) {
  if (expected.size() != found.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (comparable_bits(expected[i]) != comparable_bits(found[i])) {
      return ::testing::AssertionFailure()
             << "element " << i << " of " << expected.size() << ": expected " << expected[i] << " (" << std::hex
             << comparable_bits(expected[i]) << "), found " << found[i] << " (" << comparable_bits(found[i]) << ")";
    }
  }
  return ::testing::AssertionSuccess();
}
inline ::testing::AssertionResult same_bits(float expected, float found) {
  return same_bits({&expected, 1}, {&found, 1});
}

}  // namespace hearth::kernels::testing
