// The binary64 functions against the C library in extended precision.
#include "kernels/rope_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/tables.h"

namespace hearth::kernels {
namespace {

double ulps(double found, long double exact) {
  const double near = static_cast<double>(exact);
  const double ulp = std::nextafter(std::abs(near), std::numeric_limits<double>::infinity()) - std::abs(near);
  return static_cast<double>(std::abs(exact - static_cast<long double>(found)) / ulp);
}

double uniform(testing::Numbers& numbers, double low, double high) {
  return low + (high - low) * static_cast<double>(numbers.bits() >> 11) * 0x1p-53;
}

TEST(RopeMath, SineAndCosine) {
  testing::Numbers numbers(1);
  double worst = 0.0;
  for (int i = 0; i < 60000; ++i) {
    const double range = i % 3 == 0 ? 1.0 : i % 3 == 1 ? 1e3 : 1e7;
    double x = uniform(numbers, -range, range);
    if (i % 7 == 0) x = std::floor(x);                                             // what plain rope asks for
    if (i % 11 == 0) x = std::round(x / 1.5707963267948966) * 1.5707963267948966;  // next to the zeros
    double s, c;
    recipe_sin_cos(x, s, c);
    worst = std::max(
        {worst, ulps(s, std::sin(static_cast<long double>(x))), ulps(c, std::cos(static_cast<long double>(x)))});
  }
  EXPECT_LE(worst, 1.0);
  double s, c;
  recipe_sin_cos(0.0, s, c);
  EXPECT_EQ(s, 0.0);
  EXPECT_EQ(c, 1.0);
  recipe_sin_cos(1.1e7, s, c);
  EXPECT_TRUE(std::isnan(s) && std::isnan(c));
}

TEST(RopeMath, ExpAndLog) {
  testing::Numbers numbers(2);
  double worst_exp = 0.0, worst_log = 0.0;
  for (int i = 0; i < 60000; ++i) {
    const double x = i % 2 == 0 ? uniform(numbers, -700.0, 709.0) : uniform(numbers, -1.0, 1.0);
    worst_exp = std::max(worst_exp, ulps(recipe_exp64(x), std::exp(static_cast<long double>(x))));
    const double y = i % 3 == 0   ? uniform(numbers, 0.5, 2.0)
                     : i % 3 == 1 ? 1.0 + uniform(numbers, -1e-6, 1e-6)
                                  : std::exp(uniform(numbers, -700.0, 700.0));
    worst_log = std::max(worst_log, ulps(recipe_log64(y), std::log(static_cast<long double>(y))));
  }
  EXPECT_LE(worst_exp, 1.0);
  EXPECT_LE(worst_log, 1.0);
  EXPECT_EQ(recipe_exp64(0.0), 1.0);
  EXPECT_EQ(recipe_log64(1.0), 0.0);
  EXPECT_EQ(recipe_exp64(-1e6), 0.0);
  EXPECT_TRUE(std::isinf(recipe_exp64(1e6)));
  EXPECT_TRUE(std::isnan(recipe_exp64(std::nan(""))));
  EXPECT_TRUE(std::isinf(recipe_log64(0.0)));
  EXPECT_TRUE(std::isnan(recipe_log64(-1.0)));
  EXPECT_TRUE(std::isnan(recipe_log64(std::nan(""))));
}

TEST(RopeMath, Power) {
  testing::Numbers numbers(3);
  double worst = 0.0;
  for (const double base : {10000.0, 1e6, 500000.0, 150000.0, 2.0, 1.5, 0.1, 10.0}) {
    for (int i = 0; i < 4000; ++i) {
      const double e = i < 512 ? -2.0 * i / 512.0 : uniform(numbers, -4.0, 4.0);
      const auto exact = std::pow(static_cast<long double>(base), static_cast<long double>(e));
      worst = std::max(worst, ulps(recipe_pow(base, e), exact));
    }
    EXPECT_EQ(recipe_pow(base, 0.0), 1.0);
  }
  EXPECT_LE(worst, 1.0);
  EXPECT_EQ(recipe_pow(2.0, 10.0), 1024.0);
}

}  // namespace
}  // namespace hearth::kernels
