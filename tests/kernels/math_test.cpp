// The functions inside the kernels, over the scalar lanes, against the C library in binary64.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "kernels/tables.h"
#include "kernels/target.h"

namespace hearth::kernels {
namespace {

namespace lanes {

#include "kernels/scalar/lanes.inl.h"

#include "kernels/portable/math.inl.h"

}  // namespace lanes

/// Largest error in ulps over every 3001th float of [low, high] (both of one sign).
template <typename Found, typename Exact>
double worst_ulps(float low, float high, Found found, Exact exact) {
  double worst = 0.0;
  const auto end = std::bit_cast<std::uint32_t>(high);
  for (auto bits = std::bit_cast<std::uint32_t>(low); bits <= end; bits += 3001 * 16) {
    lanes::Lanes x;
    for (std::uint32_t l = 0; l < 16; ++l) x.v[l] = std::bit_cast<float>(std::min(bits + 3001 * l, end));
    const lanes::Lanes y = found(x);
    for (int l = 0; l < 16; ++l) {
      const double want = exact(double{x.v[l]});
      const double ulp = std::ldexp(1.0, std::max(std::ilogb(want), -126) - 23);
      worst = std::max(worst, std::abs(want - y.v[l]) / ulp);
    }
  }
  return worst;
}

TEST(Math, FunctionsAreWithinTheirUlps) {
  const auto exp = [](const lanes::Lanes& x) { return lanes::exp(x); };
  const auto tanh = [](const lanes::Lanes& x) { return lanes::tanh(x); };
  const auto erf = [](const lanes::Lanes& x) { return lanes::erf(x); };
  const auto log1p = [](const lanes::Lanes& x) { return lanes::log1p_unit(x); };
  const auto exact_exp = [](double x) { return std::exp(x); };
  const auto exact_erf = [](double x) { return std::erf(x); };
  EXPECT_LE(worst_ulps(0.0f, 88.72f, exp, exact_exp), 1.1);
  EXPECT_LE(worst_ulps(-0.0f, -87.0f, exp, exact_exp), 1.1);
  EXPECT_LE(worst_ulps(0.0f, 100.0f, tanh, [](double x) { return std::tanh(x); }), 2.0);
  EXPECT_LE(worst_ulps(0.0f, 100.0f, erf, exact_erf), 2.0);
  EXPECT_LE(worst_ulps(-0.0f, -100.0f, erf, exact_erf), 2.0);
  EXPECT_LE(worst_ulps(0.0f, 1.0f, log1p, [](double x) { return std::log1p(x); }), 2.0);
}

}  // namespace
}  // namespace hearth::kernels
