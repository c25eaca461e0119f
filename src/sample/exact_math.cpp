// The logarithm: x = m * 2^e with m near 1, then the series of atanh.
#include "sample/exact_math.h"

namespace hearth::sample {

double exact_log(double x) {
  constexpr double kLn2High = 0x1.62e42fefa0000p-1;
  constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;  // bits of sqrt(1/2)
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::int64_t e = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(e) << 52));  // sqrt(1/2) <= m < sqrt(2)
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;  // below 0.0295
  double series = 0;
  for (int n = 23; n >= 3; n -= 2) series = (series + 1.0 / n) * s2;
  const double k = static_cast<double>(e);
  return k * kLn2High + (k * kLn2Low + 2.0 * (s + s * series));
}

}  // namespace hearth::sample
