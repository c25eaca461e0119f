// exp and log: close to the C library's, and the same bits everywhere.
#include "sample/exact_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sample/random.h"

namespace hearth::sample {
namespace {

TEST(ExactMath, ExpIsCloseToTheLibrarys) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> range(-700, 700);
  for (int i = 0; i < 200000; ++i) {
    const double x = i % 2 == 0 ? range(random) : range(random) / 700;
    const double want = std::exp(x);
    ASSERT_NEAR(exact_exp(x), want, want * 1e-15) << x;
  }
  EXPECT_EQ(exact_exp(0), 1.0);
  EXPECT_EQ(exact_exp(-0.0), 1.0);
  EXPECT_EQ(exact_exp(-709), 0.0);
  EXPECT_EQ(exact_exp(-1e300), 0.0);
  EXPECT_EQ(exact_exp(-INFINITY), 0.0);
  EXPECT_EQ(exact_exp(710), INFINITY);
  EXPECT_EQ(exact_exp(INFINITY), INFINITY);
}

TEST(ExactMath, LogIsCloseToTheLibrarys) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> exponents(-700, 700);
  for (int i = 0; i < 200000; ++i) {
    const double x = i % 2 == 0 ? std::exp(exponents(random)) : 1 + exponents(random) / 7000;
    const double want = std::log(x);
    ASSERT_NEAR(exact_log(x), want, std::fabs(want) * 1e-15 + 1e-16) << x;
  }
  EXPECT_EQ(exact_log(1), 0.0);
}

TEST(ExactMath, PowMatches) {
  for (const double base : {0.001, 0.5, 1.0, 1.75, 32000.0}) {
    for (const double exponent : {-2.0, -0.3, 0.0, 0.7, 1.0, 5.5}) {
      const double want = std::pow(base, exponent);
      EXPECT_NEAR(exact_pow(base, exponent), want, want * 1e-13);
    }
  }
}

// The checksum was computed once; every compiler and CPU must find it again.
TEST(ExactMath, BitsAreTheSameEverywhere) {
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const double u = static_cast<double>(random_bits(7, 0, i, Purpose::kDraw) >> 11) * 0x1p-53;
    hash = hash * 0x100000001b3ull + std::bit_cast<std::uint64_t>(exact_exp(-40 * u));
    hash = hash * 0x100000001b3ull + std::bit_cast<std::uint64_t>(exact_log(u + 0x1p-60));
  }
  EXPECT_EQ(hash, 6665290879724197390ull);
}

// Known answers of Philox4x32-10 from the authors' Random123 distribution.
TEST(Random, PhiloxKnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, EveryPartOfTheCounterMatters) {
  const std::uint64_t base = random_bits(1, 2, 3, Purpose::kDraw);
  EXPECT_EQ(random_bits(1, 2, 3, Purpose::kDraw), base);
  EXPECT_NE(random_bits(1ull << 40, 2, 3, Purpose::kDraw), base);
  EXPECT_NE(random_bits(1, 3, 3, Purpose::kDraw), base);
  EXPECT_NE(random_bits(1, 2, 3 + (1ull << 40), Purpose::kDraw), base);
  EXPECT_NE(random_bits(1, 2, 3, Purpose::kXtc), base);
}

TEST(Random, ScaledStaysInRange) {
  EXPECT_EQ(scaled(0, 10), 0u);
  EXPECT_EQ(scaled(~0ull, 10), 9u);
  EXPECT_EQ(scaled(1ull << 63, 10), 5u);
  EXPECT_EQ(scaled(~0ull, 1), 0u);
}

}  // namespace
}  // namespace hearth::sample
