// Attention kernels: every table equals the scalar one bit for bit in buffers of exact size; the scalar one is right
// within derived bounds; a row's result depends on its own positions only.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "kernels/kv_layout.h"
#include "kernels/tables.h"
#include "tensor/half.h"

namespace hearth::kernels {
namespace {

using testing::comparable_bits;
using testing::Numbers;
using testing::same_bits;
using testing::scalar;
using testing::special_values;
using testing::supported_tables;

constexpr double kUnit = 0x1p-24;  // half an ulp of 1
constexpr KvType kTypes[] = {KvType::kF16, KvType::kF32, KvType::kQ8_0};
constexpr std::size_t kPositions = kAttentionBlock;

/// One problem with buffers that end where the contract says.
struct Problem {
  KvType type = KvType::kF16;
  std::size_t k_dim = 64, v_dim = 64, n_rows = 1;
  float scale = 0.125f, soft_cap = 0.0f;
  bool alibi = false;
  std::vector<float> key_vectors, value_vectors;  // [256][dim]
  std::vector<std::byte> keys, values;
  std::vector<float> q, slopes;
  std::vector<std::int32_t> lo, hi, query_minus_block;

  [[nodiscard]] std::size_t q_stride() const { return k_dim + 3; }
  [[nodiscard]] std::size_t acc_stride() const { return v_dim + 5; }
};

struct Result {
  std::vector<float> max, sum, acc;  // acc [n_rows][v_dim]
};

Problem make_problem(Numbers& numbers, KvType type, std::size_t k_dim, std::size_t v_dim, std::size_t n_rows) {
  Problem p;
  p.type = type;
  p.k_dim = k_dim;
  p.v_dim = v_dim;
  p.n_rows = n_rows;
  p.scale = 1.0f / std::sqrt(static_cast<float>(k_dim));
  p.key_vectors = numbers.vector(kPositions * k_dim, -2.0f, 2.0f);
  p.value_vectors = numbers.vector(kPositions * v_dim, -2.0f, 2.0f);
  p.keys.resize(kv_block_bytes(type, k_dim));
  p.values.resize(kv_block_bytes(type, v_dim));
  for (std::size_t j = 0; j < kPositions; ++j) {
    scalar().store_key(type, k_dim, j, &p.key_vectors[j * k_dim], p.keys.data());
    scalar().store_value(type, v_dim, j, &p.value_vectors[j * v_dim], p.values.data());
  }
  p.q = numbers.vector((n_rows - 1) * p.q_stride() + k_dim, -2.0f, 2.0f);
  p.slopes = numbers.vector(n_rows, 0.0f, 0.5f);
  for (std::size_t row = 0; row < n_rows; ++row) {
    p.lo.push_back(0);
    p.hi.push_back(kPositions);
    p.query_minus_block.push_back(static_cast<std::int32_t>(300 + row));
  }
  return p;
}

enum class Shape { kFull, kCausal, kWindow, kRandom, kDisjoint, kSingle };
constexpr Shape kShapes[] = {Shape::kFull,   Shape::kCausal,   Shape::kWindow,
                             Shape::kRandom, Shape::kDisjoint, Shape::kSingle};

void set_intervals(Problem& p, Shape shape, Numbers& numbers) {
  for (std::size_t row = 0; row < p.n_rows; ++row) {
    std::size_t lo = 0, hi = kPositions;
    if (shape == Shape::kCausal) hi = std::min<std::size_t>(kPositions, 30 + row);
    if (shape == Shape::kWindow) {
      hi = std::min<std::size_t>(kPositions, 101 + row);
      lo = hi - std::min<std::size_t>(hi, 50);
    }
    if (shape == Shape::kRandom) {
      lo = numbers.below(kPositions);
      hi = lo + 1 + numbers.below(kPositions - lo);
    }
    if (shape == Shape::kDisjoint) {
      lo = row * 37 % 250;
      hi = lo + 3;
    }
    if (shape == Shape::kSingle) {
      lo = (row * 53 + 15) % kPositions;
      hi = lo + 1;
    }
    p.lo[row] = static_cast<std::int32_t>(lo);
    p.hi[row] = static_cast<std::int32_t>(hi);
    p.query_minus_block[row] = static_cast<std::int32_t>(hi + 5);
  }
}

/// Runs rows [first, first + n) of the problem in buffers of their exact size.
Result run(const KernelTable& table, const Problem& p, std::size_t first, std::size_t n) {
  AttentionBlock b;
  b.type = p.type;
  b.k_dim = p.k_dim;
  b.v_dim = p.v_dim;
  b.keys = p.keys.data();
  b.values = p.values.data();
  b.n_rows = n;
  b.q = p.q.data() + first * p.q_stride();
  b.q_stride = p.q_stride();
  b.lo = p.lo.data() + first;
  b.hi = p.hi.data() + first;
  b.scale = p.scale;
  b.soft_cap = p.soft_cap;
  b.slopes = p.alibi ? p.slopes.data() + first : nullptr;
  b.query_minus_block = p.alibi ? p.query_minus_block.data() + first : nullptr;
  std::vector<float> max(n), sum(n), acc((n - 1) * p.acc_stride() + p.v_dim, 77.0f);
  b.max = max.data();
  b.sum = sum.data();
  b.acc = acc.data();
  b.acc_stride = p.acc_stride();
  std::vector<float> scratch(attention_scratch_bytes(n, p.k_dim, p.v_dim) / sizeof(float),
                             std::numeric_limits<float>::quiet_NaN());
  table.attention(b, reinterpret_cast<std::byte*>(scratch.data()));
  Result result{max, sum, {}};
  for (std::size_t row = 0; row < n; ++row) {
    const auto begin = acc.begin() + static_cast<std::ptrdiff_t>(row * p.acc_stride());
    result.acc.insert(result.acc.end(), begin, begin + static_cast<std::ptrdiff_t>(p.v_dim));
    if (row + 1 < n) {
      EXPECT_EQ(acc[row * p.acc_stride() + p.v_dim], 77.0f) << "wrote between rows";
    }
  }
  return result;
}
Result run(const KernelTable& table, const Problem& p) {
  return run(table, p, 0, p.n_rows);
}

::testing::AssertionResult same(const Result& expected, const Result& found) {
  if (auto max = same_bits(expected.max, found.max); !max) return max << " (max)";
  if (auto sum = same_bits(expected.sum, found.sum); !sum) return sum << " (sum)";
  return same_bits(expected.acc, found.acc) << " (acc)";
}

struct Dims {
  std::size_t k, v;
};
constexpr Dims kDims[] = {{8, 8},     {24, 40},   {64, 64},   {80, 80}, {96, 96}, {128, 128}, {256, 256},
                          {192, 128}, {576, 512}, {100, 100}, {33, 31}, {16, 16}, {1, 1},     {48, 32}};

TEST(Attention, TablesAgree) {
  Numbers numbers(21);
  for (const KvType type : kTypes) {
    for (const Dims dims : kDims) {
      const bool big = dims.k > 128;
      for (const std::size_t n_rows : {1, 2, 3, 4, 5, 6, 7, 8, 13, 19, 64}) {
        if (big && n_rows > 19) continue;
        Problem p = make_problem(numbers, type, dims.k, dims.v, n_rows);
        const Shape shape = kShapes[numbers.below(std::size(kShapes))];
        set_intervals(p, shape, numbers);
        if (numbers.below(3) == 0) p.soft_cap = 5.0f;
        p.alibi = numbers.below(3) == 0;
        const Result expected = run(scalar(), p);
        for (const KernelTable* table : supported_tables()) {
          ASSERT_TRUE(same(expected, run(*table, p)))
              << table->name << ": type " << static_cast<int>(type) << ", dims " << dims.k << " " << dims.v << ", rows "
              << n_rows << ", shape " << static_cast<int>(shape);
        }
      }
    }
  }
}

TEST(Attention, TablesAgreeOnEveryShape) {
  Numbers numbers(22);
  for (const KvType type : kTypes) {
    for (const Shape shape : kShapes) {
      for (const std::size_t n_rows : {1, 6, 11, 40}) {
        Problem p = make_problem(numbers, type, 32, 48, n_rows);
        set_intervals(p, shape, numbers);
        const Result expected = run(scalar(), p);
        for (const KernelTable* table : supported_tables()) {
          ASSERT_TRUE(same(expected, run(*table, p))) << table->name << ", shape " << static_cast<int>(shape);
        }
      }
    }
  }
}

TEST(Attention, ARowAloneEqualsTheRowInItsTile) {
  Numbers numbers(23);
  for (const KernelTable* table : supported_tables()) {
    for (const KvType type : kTypes) {
      for (const Shape shape : kShapes) {
        Problem p = make_problem(numbers, type, 40, 72, 29);
        set_intervals(p, shape, numbers);
        const Result all = run(*table, p);
        for (std::size_t row = 0; row < p.n_rows; ++row) {
          const Result alone = run(*table, p, row, 1);
          const std::span acc = std::span(all.acc).subspan(row * p.v_dim, p.v_dim);
          ASSERT_TRUE(same_bits(all.max[row], alone.max[0])) << table->name;
          ASSERT_TRUE(same_bits(all.sum[row], alone.sum[0])) << table->name;
          ASSERT_TRUE(same_bits(acc, alone.acc)) << table->name << " row " << row;
        }
      }
    }
  }
}

/// Keys and values of a position become NaN and infinity, whatever the type.
void poison(Problem& p, std::size_t position) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> key(p.k_dim, nan), value(p.v_dim, nan);
  if (position % 2 == 1) std::ranges::fill(key, p.type == KvType::kF32 ? -HUGE_VALF : -65504.0f);
  scalar().store_key(p.type, p.k_dim, position, key.data(), p.keys.data());
  scalar().store_value(p.type, p.v_dim, position, value.data(), p.values.data());
}

TEST(Attention, MaskedPositionsNeverLeak) {
  Numbers numbers(24);
  for (const KernelTable* table : supported_tables()) {
    for (const KvType type : kTypes) {
      for (const std::size_t n_rows : {3, 6, 20}) {
        for (const Shape shape : {Shape::kCausal, Shape::kWindow, Shape::kRandom, Shape::kSingle}) {
          const Problem clean = [&] {
            Problem p = make_problem(numbers, type, 64, 56, n_rows);
            set_intervals(p, shape, numbers);
            return p;
          }();
          const Result expected = run(*table, clean);
          // What the first row does not see is poison: the other rows may fall ill, the first one must not.
          for (const std::size_t healthy : {std::size_t{0}, n_rows / 2, n_rows - 1}) {
            Problem p = clean;
            for (std::size_t j = 0; j < kPositions; ++j) {
              const auto at = static_cast<std::int32_t>(j);
              if (at < p.lo[healthy] || at >= p.hi[healthy]) poison(p, j);
            }
            const Result found = run(*table, p);
            const auto acc = [&](const Result& r) { return std::span(r.acc).subspan(healthy * p.v_dim, p.v_dim); };
            ASSERT_TRUE(same_bits(expected.max[healthy], found.max[healthy])) << table->name;
            ASSERT_TRUE(same_bits(expected.sum[healthy], found.sum[healthy])) << table->name;
            ASSERT_TRUE(same_bits(acc(expected), acc(found)))
                << table->name << " row " << healthy << " of " << n_rows << ", shape " << static_cast<int>(shape);
          }
        }
      }
    }
  }
}

TEST(Attention, TablesAgreeOnSpecialValues) {
  Numbers numbers(25);
  for (int round = 0; round < 30; ++round) {
    Problem p = make_problem(numbers, KvType::kF32, 24, 24, 7);
    for (int i = 0; i < 40; ++i) {
      const float special = special_values()[numbers.below(special_values().size())];
      reinterpret_cast<float*>(p.keys.data())[numbers.below(kPositions * p.k_dim)] = special;
      reinterpret_cast<float*>(p.values.data())[numbers.below(kPositions * p.v_dim)] = special;
      if (i < 4) p.q[numbers.below(p.q.size())] = special;
    }
    set_intervals(p, Shape::kRandom, numbers);
    if (round % 3 == 0) p.soft_cap = 20.0f;
    const Result expected = run(scalar(), p);
    for (const KernelTable* table : supported_tables()) {
      ASSERT_TRUE(same(expected, run(*table, p))) << table->name << ", round " << round;
    }
  }
}

/// What a stored element stands for.
double stored(KvType type, std::size_t dim, const std::byte* block, std::size_t element, std::size_t group) {
  switch (type) {
    case KvType::kF16: return f16_to_f32(reinterpret_cast<const std::uint16_t*>(block)[element]);
    case KvType::kF32: return reinterpret_cast<const float*>(block)[element];
    case KvType::kQ8_0: break;
  }
  const auto* scales = reinterpret_cast<const std::uint16_t*>(block + kPositions * dim);
  return double{f16_to_f32(scales[group])} * reinterpret_cast<const std::int8_t*>(block)[element];
}

TEST(Attention, ScalarAgainstBinary64) {
  Numbers numbers(26);
  for (const KvType type : kTypes) {
    for (const bool cap : {false, true}) {
      Problem p = make_problem(numbers, type, 64, 40, 9);
      set_intervals(p, Shape::kRandom, numbers);
      p.soft_cap = cap ? 3.0f : 0.0f;
      p.alibi = cap;
      const Result found = run(scalar(), p);
      for (std::size_t row = 0; row < p.n_rows; ++row) {
        const auto lo = static_cast<std::size_t>(p.lo[row]), hi = static_cast<std::size_t>(p.hi[row]);
        std::vector<double> s(hi, -HUGE_VAL);
        double score_error = 0.0, largest = 0.0;
        for (std::size_t j = lo; j < hi; ++j) {
          double dot = 0.0, size = 0.0;
          for (std::size_t d = 0; d < p.k_dim; ++d) {
            const double k = stored(type, p.k_dim, p.keys.data(), ((j / 16) * p.k_dim + d) * 16 + j % 16,
                                    ((j / 16) * 2 + d / 32) * 16 + j % 16);
            dot += p.q[row * p.q_stride() + d] * k;
            size += std::abs(p.q[row * p.q_stride() + d] * k);
          }
          dot *= p.scale;
          size *= p.scale;
          // 64 chained roundings of partial sums no larger than `size`, one of the scale; cap and slope: 8 and 1 more
          const double error = (65 * size + 8 * 3.0) * kUnit;
          if (cap) dot = 3.0 * std::tanh(dot / 3.0);
          if (p.alibi) dot += double{p.slopes[row]} * (static_cast<double>(j) - p.query_minus_block[row]);
          s[j] = dot;
          largest = std::max(largest, std::abs(dot));
          score_error = std::max(score_error, error + std::abs(dot) * kUnit);
        }
        const double m = *std::ranges::max_element(s);
        EXPECT_NEAR(found.max[row], m, score_error);
        // p is off by the errors of s and of m, by the rounding of s - m, and by 1.1 ulp of exp
        const double p_error = 2 * score_error + 2 * largest * kUnit + 2.2 * kUnit;
        double sum = 0.0;
        std::vector<double> out(p.v_dim), size(p.v_dim);
        for (std::size_t j = lo; j < hi; ++j) {
          const double weight = std::exp(s[j] - m);
          sum += weight;
          for (std::size_t d = 0; d < p.v_dim; ++d) {
            const double v = stored(type, p.v_dim, p.values.data(), j * p.v_dim + d, j * 2 + d / 32);
            out[d] += weight * v;
            size[d] += weight * std::abs(v);
          }
        }
        EXPECT_NEAR(found.sum[row], sum, sum * (p_error + 20 * kUnit));
        for (std::size_t d = 0; d < p.v_dim; ++d) {
          const double n = static_cast<double>(hi - lo);
          EXPECT_NEAR(found.acc[row * p.v_dim + d], out[d], size[d] * (p_error + n * kUnit));
        }
      }
    }
  }
}

TEST(Attention, BlocksMergeIntoTheWhole) {
  Numbers numbers(27);
  const std::size_t dim = 37, n = 3;
  for (const KernelTable* table : supported_tables()) {
    std::vector<float> acc[n], max = {1.5f, 9.25f, -4.0f}, sum = {3.0f, 2.5f, 40.0f};
    for (auto& a : acc) a = numbers.vector(dim, -5.0f, 5.0f);
    std::vector<float> run_acc = acc[0], scalar_acc = acc[0];
    float run_max = max[0], run_sum = sum[0], scalar_max = max[0], scalar_sum = sum[0];
    for (std::size_t i = 1; i < n; ++i) {
      table->attention_merge(run_max, run_sum, run_acc.data(), max[i], sum[i], acc[i].data(), dim);
      scalar().attention_merge(scalar_max, scalar_sum, scalar_acc.data(), max[i], sum[i], acc[i].data(), dim);
    }
    // an attention sink: a block with one position of no value
    const std::vector<float> nothing(dim, 0.0f);
    table->attention_merge(run_max, run_sum, run_acc.data(), 8.0f, 1.0f, nothing.data(), dim);
    scalar().attention_merge(scalar_max, scalar_sum, scalar_acc.data(), 8.0f, 1.0f, nothing.data(), dim);
    EXPECT_TRUE(same_bits(scalar_max, run_max)) << table->name;
    EXPECT_TRUE(same_bits(scalar_sum, run_sum)) << table->name;
    EXPECT_TRUE(same_bits(scalar_acc, run_acc)) << table->name;
    std::vector<float> out(dim);
    table->attention_finish(run_acc.data(), run_sum, out.data(), dim);
    double total = std::exp(8.0 - 9.25);
    for (std::size_t i = 0; i < n; ++i) total += sum[i] * std::exp(double{max[i]} - 9.25);
    EXPECT_EQ(run_max, 9.25f);
    EXPECT_NEAR(run_sum, total, 40 * kUnit * total);
    for (std::size_t d = 0; d < dim; ++d) {
      double want = 0.0, size = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        want += acc[i][d] * std::exp(double{max[i]} - 9.25) / total;
        size += std::abs(acc[i][d]) * std::exp(double{max[i]} - 9.25) / total;
      }
      EXPECT_NEAR(out[d], want, 60 * kUnit * size) << table->name;
    }
    // the sign of a zero does not depend on what was skipped
    const float zeros[] = {-0.0f, 0.0f};
    float finished[2];
    table->attention_finish(zeros, 2.0f, finished, 2);
    EXPECT_FALSE(std::signbit(finished[0]) || std::signbit(finished[1])) << table->name;
  }
}

TEST(Attention, StoringIsTheSameInEveryTable) {
  Numbers numbers(28);
  for (const KvType type : kTypes) {
    for (const std::size_t dim : {1, 8, 16, 24, 31, 32, 33, 64, 100, 256}) {
      std::vector<std::byte> key(kv_block_bytes(type, dim)), value(kv_block_bytes(type, dim));
      std::vector<std::vector<std::byte>> found_keys(supported_tables().size(), key);
      std::vector<std::vector<std::byte>> found_values(supported_tables().size(), value);
      for (std::size_t j = 0; j < kPositions; j += 7) {
        const float size = std::ldexp(1.0f, static_cast<int>(numbers.below(60)) - 30);
        std::vector<float> x = numbers.vector(dim, -size, size);
        if (j % 3 == 0) x[numbers.below(dim)] = special_values()[numbers.below(special_values().size())];
        scalar().store_key(type, dim, j, x.data(), key.data());
        scalar().store_value(type, dim, j, x.data(), value.data());
        for (std::size_t t = 0; t < found_keys.size(); ++t) {
          supported_tables()[t]->store_key(type, dim, j, x.data(), found_keys[t].data());
          supported_tables()[t]->store_value(type, dim, j, x.data(), found_values[t].data());
        }
      }
      for (std::size_t t = 0; t < found_keys.size(); ++t) {
        ASSERT_EQ(key, found_keys[t]) << supported_tables()[t]->name << " type " << static_cast<int>(type) << " dim "
                                      << dim;
        ASSERT_EQ(value, found_values[t]) << supported_tables()[t]->name << " dim " << dim;
      }
    }
  }
}

TEST(Attention, StoredNumbersAreCloseAndSaturate) {
  Numbers numbers(29);
  const std::size_t dim = 48;
  std::vector<float> x = numbers.vector(dim, -3.0f, 3.0f);
  x[5] = 1e6f;
  x[6] = -std::numeric_limits<float>::infinity();
  std::vector<std::byte> block(kv_block_bytes(KvType::kF16, dim));
  scalar().store_value(KvType::kF16, dim, 3, x.data(), block.data());
  EXPECT_EQ(stored(KvType::kF16, dim, block.data(), 3 * dim + 5, 0), 65504.0);
  EXPECT_EQ(stored(KvType::kF16, dim, block.data(), 3 * dim + 6, 0), -65504.0);
  EXPECT_NEAR(stored(KvType::kF16, dim, block.data(), 3 * dim + 7, 0), x[7], 0x1p-11 * std::abs(x[7]));
  x[5] = 2.0f;
  x[6] = -2.9f;
  block.assign(kv_block_bytes(KvType::kQ8_0, dim), std::byte{0});
  scalar().store_value(KvType::kQ8_0, dim, 3, x.data(), block.data());
  for (std::size_t d = 0; d < dim; ++d) {
    // half a code of a / 127 <= 3 / 127, and the scale's own rounding over 127 codes
    EXPECT_NEAR(stored(KvType::kQ8_0, dim, block.data(), 3 * dim + d, 3 * 2 + d / 32), x[d],
                3.0 / 127 * (0.5 + 127 * 0x1p-11))
        << d;
  }
}

}  // namespace
}  // namespace hearth::kernels
