// Element-wise kernels: every table equals the scalar one bit for bit, and the scalar one is right within bounds
// derived from the operations it performs.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "kernels/tables.h"

namespace hearth::kernels {
namespace {

using testing::Numbers;
using testing::same_bits;
using testing::scalar;
using testing::special_values;
using testing::supported_tables;

constexpr Activation kActivations[] = {Activation::kSilu,      Activation::kGelu, Activation::kGeluErf,
                                       Activation::kGeluQuick, Activation::kRelu, Activation::kReluSquared,
                                       Activation::kSigmoid,   Activation::kTanh, Activation::kExp,
                                       Activation::kSoftplus};
constexpr double kUnit = 0x1p-24;  // half an ulp of 1

std::vector<std::size_t> sizes() {
  std::vector<std::size_t> n;
  for (std::size_t i = 1; i <= 70; ++i) n.push_back(i);
  n.insert(n.end(), {256, 1000});
  return n;
}

/// n numbers of moderate size, or (kind 1) with special values among them, or (kind 2) with any bits.
std::vector<float> input(Numbers& numbers, std::size_t n, int kind) {
  std::vector<float> x = numbers.vector(n, -8.0f, 8.0f);
  for (float& v : x) {
    if (kind == 1 && numbers.below(3) == 0) v = special_values()[numbers.below(special_values().size())];
    if (kind == 2) v = std::bit_cast<float>(static_cast<std::uint32_t>(numbers.bits()));
  }
  return x;
}

/// Runs `kernel` with the scalar table and every other one on inputs of all sizes and kinds; results must be the same.
/// kernel(table, a, b, out): three rows of equal size; out begins as a copy of b.
using Kernel =
    std::function<void(const KernelTable&, const std::vector<float>&, const std::vector<float>&, std::vector<float>&)>;
void expect_tables_agree(const Kernel& kernel) {
  Numbers numbers(7);
  for (const std::size_t n : sizes()) {
    for (int kind = 0; kind < 3; ++kind) {
      const std::vector<float> a = input(numbers, n, kind), b = input(numbers, n, kind);
      std::vector<float> expected = b;
      kernel(scalar(), a, b, expected);
      for (const KernelTable* table : supported_tables()) {
        std::vector<float> found = b;
        kernel(*table, a, b, found);
        ASSERT_TRUE(same_bits(expected, found)) << table->name << ", n " << n << ", kind " << kind;
      }
    }
  }
}

TEST(Elementwise, TablesAgreeOnActivations) {
  for (const Activation f : kActivations) {
    SCOPED_TRACE(static_cast<int>(f));
    expect_tables_agree([f](const KernelTable& t, const auto& a, const auto&, auto& out) {
      t.activate(f, a.data(), a.size(), out.data());
    });
    expect_tables_agree([f](const KernelTable& t, const auto& a, const auto& b, auto& out) {
      t.gated(f, a.data(), b.data(), a.size(), out.data());
    });
  }
}

TEST(Elementwise, TablesAgreeOnRowKernels) {
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    t.rms_norm(a.data(), b.data(), 1e-5f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto&, auto& out) {
    t.rms_norm(a.data(), nullptr, 1e-6f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    t.layer_norm(a.data(), b.data(), b.data(), 1e-5f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    t.layer_norm(a.data(), b.data(), nullptr, 1e-5f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    t.layer_norm(a.data(), nullptr, b.data(), 1e-5f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto&, auto& out) {
    t.l2_norm(a.data(), 1e-6f, a.size(), out.data());
  });
  expect_tables_agree(
      [](const KernelTable& t, const auto& a, const auto&, auto& out) { t.softmax(a.data(), a.size(), out.data()); });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    t.gated_clamped(a.data(), b.data(), 1.702f, 7.0f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto&, auto& out) {
    t.soft_cap(a.data(), 30.0f, a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    t.axpy(b[0], a.data(), a.size(), out.data());
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto& b, auto& out) {
    out.assign(1, t.dot(a.data(), b.data(), a.size()));
  });
  expect_tables_agree([](const KernelTable& t, const auto& a, const auto&, auto& out) {
    out.assign(1, static_cast<float>(t.argmax(a.data(), a.size())));
  });
}

TEST(Elementwise, InPlaceGivesTheSame) {
  Numbers numbers(11);
  const std::vector<float> x = numbers.vector(77, -4.0f, 4.0f);
  for (const KernelTable* t : supported_tables()) {
    std::vector<float> apart(x.size()), place = x;
    t->rms_norm(x.data(), nullptr, 1e-5f, x.size(), apart.data());
    t->rms_norm(place.data(), nullptr, 1e-5f, x.size(), place.data());
    EXPECT_TRUE(same_bits(apart, place)) << t->name;
    place = x;
    t->layer_norm(x.data(), nullptr, nullptr, 1e-5f, x.size(), apart.data());
    t->layer_norm(place.data(), nullptr, nullptr, 1e-5f, x.size(), place.data());
    EXPECT_TRUE(same_bits(apart, place)) << t->name;
    place = x;
    t->softmax(x.data(), x.size(), apart.data());
    t->softmax(place.data(), x.size(), place.data());
    EXPECT_TRUE(same_bits(apart, place)) << t->name;
  }
}

/// Largest error of `f` in ulps of the exact result over a sample of all floats in [low, high] and their negatives.
double worst_ulps(Activation f, double (*exact)(double), float low, float high) {
  const KernelTable& table = *supported_tables().back();
  std::vector<float> x;
  double worst = 0.0;
  const std::uint32_t begin = std::bit_cast<std::uint32_t>(low), end = std::bit_cast<std::uint32_t>(high);
  for (std::uint32_t bits = begin;; bits = end - bits > 1999 ? bits + 1999 : end) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(-x.back());
    if (x.size() == 4096 || bits == end) {
      std::vector<float> y(x.size());
      table.activate(f, x.data(), x.size(), y.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double want = exact(x[i]);
        if (std::abs(want) < 0x1p-126) continue;
        const double ulp = std::ldexp(1.0, std::ilogb(want) - 23);
        worst = std::max(worst, std::abs(want - y[i]) / ulp);
      }
      x.clear();
    }
    if (bits == end) break;
  }
  return worst;
}

TEST(Elementwise, FunctionsAreWithinTheirUlps) {
  EXPECT_LE(worst_ulps(Activation::kExp, [](double x) { return std::exp(x); }, 0.0f, 87.0f), 1.1);
  EXPECT_LE(worst_ulps(Activation::kTanh, [](double x) { return std::tanh(x); }, 0x1p-60f, 1e3f), 2.0);
  EXPECT_LE(worst_ulps(Activation::kSigmoid, [](double x) { return 1.0 / (1.0 + std::exp(-x)); }, 0.0f, 87.0f), 3.0);
  EXPECT_LE(worst_ulps(
                Activation::kSoftplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); },
                0.0f, 87.0f),
            4.0);
}

TEST(Elementwise, ExpAtItsEdges) {
  for (const KernelTable* t : supported_tables()) {
    const float x[] = {0.0f,
                       -0.0f,
                       -87.0f,
                       -87.00001f,
                       -1e30f,
                       88.72283f,
                       88.722847f,
                       1e30f,
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::quiet_NaN()};
    float y[11];
    t->activate(Activation::kExp, x, 11, y);
    EXPECT_EQ(y[0], 1.0f);
    EXPECT_EQ(y[1], 1.0f);
    EXPECT_GT(y[2], 0.0f);
    EXPECT_EQ(y[3], 0.0f);
    EXPECT_EQ(y[4], 0.0f);
    EXPECT_LT(y[5], std::numeric_limits<float>::infinity());
    for (int i : {6, 7, 8}) EXPECT_EQ(y[i], std::numeric_limits<float>::infinity()) << i;
    EXPECT_EQ(y[9], 0.0f);
    EXPECT_TRUE(std::isnan(y[10]));
  }
}

/// The definitions in binary64 and how far the recipe's float operations may end from them.
TEST(Elementwise, ActivationsAgainstBinary64) {
  struct Case {
    Activation f;
    double (*exact)(double);
  };
  const Case cases[] = {
      {Activation::kSilu, [](double x) { return x / (1.0 + std::exp(-x)); }},
      {Activation::kGelu,
       [](double x) { return 0.5 * x * (1.0 + std::tanh(0.7978845608 * x * (1.0 + 0.044715 * x * x))); }},
      {Activation::kGeluErf, [](double x) { return 0.5 * x * (1.0 + std::erf(x * std::sqrt(0.5))); }},
      {Activation::kGeluQuick, [](double x) { return x / (1.0 + std::exp(-1.702 * x)); }},
      {Activation::kRelu, [](double x) { return std::max(x, 0.0); }},
      {Activation::kReluSquared, [](double x) { return std::max(x, 0.0) * std::max(x, 0.0); }},
  };
  Numbers numbers(3);
  const std::vector<float> x = numbers.vector(20000, -12.0f, 12.0f);
  for (const Case& c : cases) {
    std::vector<float> y(x.size());
    supported_tables().back()->activate(c.f, x.data(), x.size(), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      // Functions of [0, 1] times x: 2 ulp (4 units) of the function, 3 roundings after it, and the argument's rounding
      // (3 units, relative) through a slope times argument that never exceeds 1.2; relu^2 needs 1 unit of its square.
      const double bound = c.f == Activation::kReluSquared ? kUnit * c.exact(x[i]) : 11 * kUnit * std::abs(x[i]);
      ASSERT_NEAR(y[i], c.exact(x[i]), bound) << "f " << static_cast<int>(c.f) << " at " << x[i];
    }
  }
}

TEST(Elementwise, DotAndNormsAgainstBinary64) {
  Numbers numbers(5);
  for (const std::size_t n : sizes()) {
    const std::vector<float> x = numbers.vector(n, -3.0f, 5.0f), w = numbers.vector(n);
    const double terms = static_cast<double>(n) / 16.0 + 6.0;  // roundings one product or element passes through
    double dot = 0.0, size = 0.0, squares = 0.0, mean = 0.0, magnitude = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      dot += double{x[i]} * w[i];
      size += std::abs(double{x[i]} * w[i]);
      squares += double{x[i]} * x[i];
      mean += x[i];
      magnitude += std::abs(x[i]);
    }
    EXPECT_NEAR(scalar().dot(x.data(), w.data(), n), dot, terms * kUnit * size);
    std::vector<float> y(n);
    scalar().rms_norm(x.data(), w.data(), 1e-5f, n, y.data());
    const double r = 1.0 / std::sqrt(squares / static_cast<double>(n) + double{1e-5f});
    for (std::size_t i = 0; i < n; ++i) {
      const double want = x[i] * r * w[i];
      ASSERT_NEAR(y[i], want, (terms / 2 + 5) * kUnit * std::abs(want)) << n;
    }
    scalar().l2_norm(x.data(), 1e-6f, n, y.data());
    for (std::size_t i = 0; i < n; ++i) {
      const double want = x[i] / std::sqrt(squares);
      ASSERT_NEAR(y[i], want, (terms / 2 + 4) * kUnit * std::abs(want)) << n;
    }
    mean /= static_cast<double>(n);
    magnitude /= static_cast<double>(n);
    double variance = 0.0;
    for (const float v : x) variance += (v - mean) * (v - mean);
    variance /= static_cast<double>(n);
    const double s = 1.0 / std::sqrt(variance + double{1e-5f});
    const double c_error = (terms + 1) * kUnit * magnitude + kUnit * 8;  // of x - mean
    scalar().layer_norm(x.data(), w.data(), w.data(), 1e-5f, n, y.data());
    for (std::size_t i = 0; i < n; ++i) {
      const double centred = (x[i] - mean) * s;
      // relative error of the scale: half the variance's, which is 2 c_error |c| / v at most, plus its roundings
      const double s_error = 2 * c_error * s + (terms / 2 + 4) * kUnit;
      const double bound = (c_error * s + std::abs(centred) * s_error) * std::abs(w[i]) +
                           2 * kUnit * (std::abs(centred * w[i]) + std::abs(w[i]));
      ASSERT_NEAR(y[i], centred * w[i] + w[i], bound) << n;
    }
  }
}

TEST(Elementwise, SoftmaxAgainstBinary64) {
  Numbers numbers(9);
  for (const std::size_t n : sizes()) {
    const std::vector<float> x = numbers.vector(n, -20.0f, 20.0f);
    const double most = *std::ranges::max_element(x);
    double sum = 0.0;
    for (const float v : x) sum += std::exp(v - most);
    std::vector<float> y(n);
    scalar().softmax(x.data(), n, y.data());
    for (std::size_t i = 0; i < n; ++i) {
      const double want = std::exp(x[i] - most) / sum;
      // x - max rounds once (40 units at most, in numerator and sum), exp 2 units twice, the sum, 1 / s and a product
      ASSERT_NEAR(y[i], want, (2 * 40 + 4 + static_cast<double>(n) / 16 + 6) * kUnit * want) << n;
    }
  }
}

TEST(Elementwise, ClampedUnitAndSoftCapAgainstBinary64) {
  Numbers numbers(13);
  const std::vector<float> gate = numbers.vector(500, -20.0f, 20.0f), up = numbers.vector(500, -20.0f, 20.0f);
  std::vector<float> y(500);
  scalar().gated_clamped(gate.data(), up.data(), 1.702f, 7.0f, 500, y.data());
  for (std::size_t i = 0; i < 500; ++i) {
    const double g = std::min(double{gate[i]}, 7.0), u = std::clamp(double{up[i]}, -7.0, 7.0);
    const double unit = g / (1.0 + std::exp(-double{1.702f} * g));
    // the product alpha g (34 at most) rounds once, then exp, +, /, u + 1 and the product
    ASSERT_NEAR(y[i], unit * (u + 1.0), 44 * kUnit * std::abs(unit * (u + 1.0)) + 8 * kUnit * std::abs(unit));
  }
  scalar().soft_cap(gate.data(), 15.0f, 500, y.data());
  for (std::size_t i = 0; i < 500; ++i) {
    const double want = 15.0 * std::tanh(gate[i] / 15.0);
    ASSERT_NEAR(y[i], want, 6 * kUnit * std::abs(want));
  }
}

TEST(Elementwise, ArgmaxTakesTheLowestOfTies) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const KernelTable* t : supported_tables()) {
    std::vector<float> x(100, 1.0f);
    EXPECT_EQ(t->argmax(x.data(), x.size()), 0u);
    x[37] = x[90] = 2.0f;
    EXPECT_EQ(t->argmax(x.data(), x.size()), 37u);
    x[5] = nan;
    EXPECT_EQ(t->argmax(x.data(), x.size()), 37u);
    x[99] = inf;
    EXPECT_EQ(t->argmax(x.data(), x.size()), 99u);
    std::ranges::fill(x, nan);
    EXPECT_EQ(t->argmax(x.data(), x.size()), 0u);
    std::ranges::fill(x, -inf);
    EXPECT_EQ(t->argmax(x.data(), x.size()), 0u);
    std::ranges::fill(x, 0.0f);
    x[0] = x[1] = -0.0f;
    EXPECT_EQ(t->argmax(x.data(), x.size()), 0u);
  }
}

}  // namespace
}  // namespace hearth::kernels
