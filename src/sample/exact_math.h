// exp and log from IEEE additions, multiplications and divisions alone, so that every compiler, C library and CPU
// agrees to the last bit. Accurate to about 2 ulp; no promise beyond determinism is needed here.
#pragma once

#include <bit>
#include <cstdint>

namespace hearth::sample {

/// e^x in binary64 for -708 <= x <= 709, without a branch, so that loops over it become SIMD.
inline double exact_exp_in_range(double x) {
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2High = 0x1.62e42fefa0000p-1;  // its product with an integer below 2^16 is exact
  constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;
  constexpr double kRound = 0x1.8p52;  // adding it leaves the nearest integer in the low mantissa bits
  const double shifted = x * kLog2E + kRound;
  const double k = shifted - kRound;
  const double r = (x - k * kLn2High) - k * kLn2Low;  // |r| <= ln(2) / 2
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const std::uint64_t exponent = (std::bit_cast<std::uint64_t>(shifted) + 1023) << 52;
  return sum * std::bit_cast<double>(exponent);
}

/// e^x in binary64; 0 below -708, infinity above 709.
inline double exact_exp(double x) {
  if (x < -708.0) return 0.0;
  if (x > 709.0) return std::bit_cast<double>(std::uint64_t{0x7ff} << 52);
  return exact_exp_in_range(x);
}

/// Natural logarithm of a positive, normal, finite x.
double exact_log(double x);

/// base^exponent for base > 0, through exact_exp and exact_log.
inline double exact_pow(double base, double exponent) {
  return exact_exp(exponent * exact_log(base));
}

}  // namespace hearth::sample
