// The functions of rope_math.h: exact argument reduction, then Taylor series long enough for the last bit.
#include "kernels/rope_math.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace hearth::kernels {

namespace {

/// hi + lo, |lo| <= half an ulp of hi.
struct Pair {
  double hi, lo;
};

/// a + b exactly, for |a| >= |b| or a = 0.
Pair fast_sum(double a, double b) {
  const double hi = a + b;
  return {hi, b - (hi - a)};
}

/// a + b exactly.
Pair exact_sum(double a, double b) {
  const double hi = a + b;
  const double b_part = hi - a;
  return {hi, (a - (hi - b_part)) + (b - b_part)};
}

/// a * b exactly, by splitting both into halves of 26 bits; |a|, |b| below 2^970.
Pair exact_product(double a, double b) {
  const double split_a = 134217729.0 * a, split_b = 134217729.0 * b;
  const double a_hi = split_a - (split_a - a), a_lo = a - a_hi;
  const double b_hi = split_b - (split_b - b), b_lo = b - b_hi;
  const double hi = a * b;
  return {hi, ((a_hi * b_hi - hi) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo};
}

/// Nearest integer for |x| < 2^51, ties to even.
double nearest(double x) {
  return (x + 0x1.8p52) - 0x1.8p52;
}

/// 2^n for -1022 <= n <= 1023.
double power_of_two(int n) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

constexpr double kInverseFactorial[] = {1.0,
                                        1.0,
                                        1.0 / 2,
                                        1.0 / 6,
                                        1.0 / 24,
                                        1.0 / 120,
                                        1.0 / 720,
                                        1.0 / 5040,
                                        1.0 / 40320,
                                        1.0 / 362880,
                                        1.0 / 3628800,
                                        1.0 / 39916800,
                                        1.0 / 479001600,
                                        1.0 / 6227020800,
                                        1.0 / 87178291200,
                                        1.0 / 1307674368000,
                                        1.0 / 20922789888000,
                                        1.0 / 355687428096000,
                                        1.0 / 6402373705728000};

// ln 2 in 32 bits and the rest: n * kLn2Hi is exact for |n| < 2^21.
constexpr double kLn2Hi = 0x1.62e42feep-1, kLn2Lo = 0x1.a39ef35793c76p-33;

/// e^(hi + lo) with |lo| far below hi.
double exp_of(Pair x) {
  if (!(x.hi < 709.79)) return x.hi >= 709.79 ? std::numeric_limits<double>::infinity() : x.hi;
  if (x.hi < -745.2) return 0.0;
  const double n = nearest(x.hi * 0x1.71547652b82fep0);
  const Pair reduced = exact_sum(x.hi - n * kLn2Hi, -(n * kLn2Lo));
  const double r = reduced.hi, r_lo = reduced.lo + x.lo;
  double q = kInverseFactorial[14];
  for (int i = 13; i >= 2; --i) q = q * r + kInverseFactorial[i];
  // e^(r + r_lo) = 1 + r + (r^2 q + r_lo e^r)
  const Pair one_plus_r = fast_sum(1.0, r);
  const double rest = r * r * q;
  const double y = one_plus_r.hi + (one_plus_r.lo + (rest + r_lo * (one_plus_r.hi + rest)));
  const int half = static_cast<int>(n) / 2;
  return y * power_of_two(half) * power_of_two(static_cast<int>(n) - half);
}

/// log(x) = n ln2 + log(m), m in [sqrt(1/2), sqrt(2)]; log(m) = 2 atanh(s), s = (m - 1) / (m + 1). x normal.
Pair log_of(double x) {
  std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  int n = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
  double m = std::bit_cast<double>(bits);
  if (m > 0x1.6a09e667f3bcdp0) {
    m *= 0.5;
    ++n;
  }
  const double f = m - 1.0;  // exact
  const Pair below = exact_sum(m, 1.0);
  const double s = f / below.hi;
  // The quotient's remainder, so that s + s_lo = f / (m + 1) to twice the precision.
  const Pair product = exact_product(s, below.hi);
  const double s_lo = (((f - product.hi) - product.lo) - s * below.lo) / below.hi;
  const double z = s * s;
  double q = 1.0 / 27;
  for (int i = 25; i >= 3; i -= 2) q = q * z + 1.0 / i;
  const double tail = 2.0 * (s_lo + s * z * q);
  const Pair main = exact_sum(n * kLn2Hi, 2.0 * s);
  return fast_sum(main.hi, main.lo + (tail + n * kLn2Lo));
}

/// Sine and cosine of r + r_lo, |r| <= pi / 4.
void sin_cos_reduced(double r, double r_lo, double& s, double& c) {
  const double z = r * r;
  double p = kInverseFactorial[17];
  for (int i = 15; i >= 3; i -= 2) p = kInverseFactorial[i] - z * p;
  // sin = r - r^3 p + r_lo (1 - z / 2)
  s = r - (r * z * p - r_lo * (1.0 - 0.5 * z));
  double q = kInverseFactorial[18];
  for (int i = 16; i >= 4; i -= 2) q = kInverseFactorial[i] - z * q;
  // cos = 1 - z / 2 + z^2 q - r r_lo
  const Pair head = fast_sum(1.0, -0.5 * z);
  c = head.hi + (head.lo + (z * z * q - r * r_lo));
}

}  // namespace

double recipe_exp64(double x) {
  return exp_of({x, 0.0});
}

double recipe_log64(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (x > std::numeric_limits<double>::max()) return x;
  if (x < std::numeric_limits<double>::min()) return -std::numeric_limits<double>::infinity();
  return log_of(x).hi;
}

double recipe_pow(double base, double e) {
  const double log_hi = recipe_log64(base);
  if (!(log_hi > -1e3) || !(log_hi < 1e3) || !(e > -1e300) || !(e < 1e300)) return recipe_exp64(e * log_hi);
  const Pair log_base = log_of(base);
  const Pair product = exact_product(log_base.hi, e);
  return exp_of({product.hi, product.lo + log_base.lo * e});
}

void recipe_sin_cos(double x, double& s, double& c) {
  if (!(x >= -1e7 && x <= 1e7)) {
    s = c = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  // pi / 2 in four parts: n has at most 23 bits, the first three parts 30, so their products are exact.
  constexpr double kHalfPi1 = 0x1.921fb54p0, kHalfPi2 = 0x1.10b46118p-30;
  constexpr double kHalfPi3 = 0x1.313198ap-61, kHalfPi4 = 0x1.701b839a25205p-92;
  const double n = nearest(x * 0x1.45f306dc9c883p-1);
  const Pair first = exact_sum(x - n * kHalfPi1, -(n * kHalfPi2));
  const Pair second = exact_sum(first.hi, -(n * kHalfPi3));
  const Pair reduced = exact_sum(second.hi, (second.lo + first.lo) - n * kHalfPi4);
  double sine, cosine;
  sin_cos_reduced(reduced.hi, reduced.lo, sine, cosine);
  const auto quadrant = static_cast<std::int64_t>(n) & 3;
  s = quadrant == 0 ? sine : quadrant == 1 ? cosine : quadrant == 2 ? -sine : -cosine;
  c = quadrant == 0 ? cosine : quadrant == 1 ? -sine : quadrant == 2 ? -cosine : sine;
}

}  // namespace hearth::kernels
