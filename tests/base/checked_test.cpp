// CheckedSize against arithmetic in 128 bits, on random and on boundary values.
#include "base/checked.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace hearth {
namespace {

__extension__ using Wide = unsigned __int128;
constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

void expect_equal(CheckedSize got, Wide want) {
  if (want > kMax) {
    EXPECT_TRUE(got.overflowed());
    EXPECT_FALSE(got.value().has_value());
    EXPECT_FALSE(got.at_most(kMax));
  } else {
    ASSERT_TRUE(got.value().has_value());
    EXPECT_EQ(*got.value(), static_cast<std::uint64_t>(want));
    EXPECT_TRUE(got.at_most(kMax));
    EXPECT_TRUE(got.at_most(static_cast<std::uint64_t>(want)));
    EXPECT_FALSE(want > 0 && got.at_most(static_cast<std::uint64_t>(want) - 1));
  }
}

std::vector<std::uint64_t> interesting_values() {
  std::vector<std::uint64_t> values = {
      0, 1, 2, 3, kMax, kMax - 1, kMax / 2, kMax / 2 + 1, 1ull << 32, (1ull << 32) - 1};
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) values.push_back(random() >> (random() % 64));
  return values;
}

TEST(CheckedSize, SumsAndProductsMatchWideArithmetic) {
  const std::vector<std::uint64_t> values = interesting_values();
  for (const std::uint64_t a : values) {
    for (const std::uint64_t b : values) {
      expect_equal(CheckedSize(a) + b, Wide{a} + b);
      expect_equal(CheckedSize(a) * b, Wide{a} * b);
    }
  }
}

TEST(CheckedSize, RoundingUpMatchesWideArithmetic) {
  for (const std::uint64_t a : interesting_values()) {
    for (int shift = 0; shift < 64; ++shift) {
      const std::uint64_t unit = 1ull << shift;
      expect_equal(CheckedSize(a).rounded_up(unit), (Wide{a} + unit - 1) / unit * unit);
    }
  }
}

TEST(CheckedSize, OverflowIsNeverForgotten) {
  const CheckedSize overflowed = CheckedSize(kMax) + 1;
  EXPECT_TRUE((overflowed + 0).overflowed());
  EXPECT_TRUE((overflowed * 0).overflowed());
  EXPECT_TRUE((CheckedSize(0) * overflowed).overflowed());
  EXPECT_TRUE(overflowed.rounded_up(64).overflowed());
}

}  // namespace
}  // namespace hearth
