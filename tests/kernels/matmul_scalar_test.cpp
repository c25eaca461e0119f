// The scalar products and quantisers against binary64: they are the specification of every other table.
#include <gtest/gtest.h>

#include "random_matrix.h"

namespace hearth::kernels {
namespace {

using namespace testing;

const KernelTable& scalar() {
  return *find_table("scalar");
}

/// Activations that int8 holds without loss: codes times a power of two, each block with a +-127.
std::vector<float> lossless_values(std::size_t n, std::size_t block_len, std::mt19937& random) {
  std::vector<float> x(n);
  for (std::size_t b = 0; b < n / block_len; ++b) {
    const float scale = std::ldexp(1.0f, static_cast<int>(random() % 12) - 8);
    for (std::size_t i = 0; i < block_len; ++i) x[b * block_len + i] = scale * (static_cast<int>(random() % 255) - 127);
    x[b * block_len + random() % block_len] = scale * (random() % 2 ? 127 : -127);
  }
  return x;
}

// With lossless activations only the accumulator rounds (at most three times a block) and the format's own decoder (at
// most three times a value). A wrong code, scale or minimum is thousands of times larger than this bound.
TEST(MatmulScalar, EqualsBinary64UpToTheLastRoundings) {
  std::mt19937 random(2);
  for (const QuantCodec& codec : all_codecs()) {
    const std::size_t block_len = dtype_info(codec.type).block_len, k = block_len == 1 ? 96 : 3 * block_len;
    const ActKind kind = act_kind(codec.type);
    for (int round = 0; round < 8; ++round) {
      const std::size_t n = 21, m = 3;
      const RandomMatrix w(codec.type, n, k, random);
      const auto x = lossless_values(m * k, kind == ActKind::kI8x256 ? 256 : 32, random);
      const Activations act(kind, m, k, x, scalar());
      const auto out = multiply(scalar(), w.matrix, act.rows);
      for (std::size_t row = 0; row < n; ++row) {
        const auto values = w.decoded(row);
        for (std::size_t i = 0; i < m; ++i) {
          double sum = 0, magnitude = 0;
          for (std::size_t e = 0; e < k; ++e) {
            const double term = double{values[e]} * double{x[i * k + e]};
            sum += term;
            magnitude += std::fabs(term);
          }
          // Terms cancel inside value = d * code - minimum, so its roundings count by its parts: at most 64 times more.
          const double roundings = block_len == 1 ? static_cast<double>(k) : 64.0;
          EXPECT_NEAR(out[i * n + row], sum, roundings * 0x1p-23 * magnitude)
              << dtype_info(codec.type).name << " row " << row << " m " << i;
        }
      }
    }
  }
}

TEST(MatmulScalar, WritesOnlyItsPanels) {
  std::mt19937 random(3);
  const RandomMatrix w(DType::kQ8_0, 41, 64, random);
  const Activations act(ActKind::kI8x32, 2, 64, random_values(128, random), scalar());
  ExactBytes scratch(matmul_scratch_bytes(64));
  std::vector<float> out(2 * 50, -1.0f);
  scalar().matmul[static_cast<std::size_t>(DType::kQ8_0)](w.matrix, act.rows, 1, 2, out.data(), 50, scratch.data());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i] != -1.0f, i % 50 >= 16 && i % 50 < 32) << i;
}

TEST(DecodeRow, EqualsTheFilesRow) {
  std::mt19937 random(4);
  for (const QuantCodec& codec : all_codecs()) {
    const std::size_t k =
        std::size_t{3} * (dtype_info(codec.type).block_len == 1 ? 111 : dtype_info(codec.type).block_len);
    const RandomMatrix w(codec.type, 19, k, random);
    for (std::size_t row = 0; row < 19; ++row) {
      std::vector<float> decoded(k);
      decode_row(w.matrix, row, decoded.data());
      EXPECT_EQ(decoded, w.decoded(row)) << dtype_info(codec.type).name << " row " << row;
    }
  }
}

struct Quantised {
  std::vector<std::int8_t> codes;
  std::vector<float> scales;
  std::vector<std::int32_t> sums;
};

Quantised quantise32(const std::vector<float>& x) {
  Quantised q{std::vector<std::int8_t>(x.size()), std::vector<float>(x.size() / 32),
              std::vector<std::int32_t>(x.size() / 32)};
  scalar().quantize_i8x32(x.data(), x.size(), {q.codes.data(), q.scales.data(), q.sums.data()});
  return q;
}

TEST(QuantizeScalar, RoundsToNearestEven) {
  std::vector<float> x(32);
  x[0] = 127.0f;
  x[1] = 0.5f;
  x[2] = 1.5f;
  x[3] = -2.5f;
  x[4] = -126.5f;
  const Quantised q = quantise32(x);
  EXPECT_EQ(q.scales[0], 1.0f);
  EXPECT_EQ(std::vector<int>(q.codes.begin(), q.codes.begin() + 5), (std::vector<int>{127, 0, 2, -2, -126}));
  EXPECT_EQ(q.sums[0], 1);
}

TEST(QuantizeScalar, DamageStaysVisibleAndTinyBlocksAreZero) {
  std::vector<float> x(128, 1.0f);
  x[5] = std::numeric_limits<float>::infinity();
  x[40] = -std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 64; i < 96; ++i) x[i] = 0x1p-101f;
  for (std::size_t i = 96; i < 128; ++i) x[i] = -0x1p-100f;
  const Quantised q = quantise32(x);
  EXPECT_TRUE(std::isnan(q.scales[0]));
  EXPECT_TRUE(std::isnan(q.scales[1]));
  EXPECT_EQ(q.scales[2], 0.0f);
  EXPECT_GT(q.scales[3], 0.0f);
  for (std::size_t i = 0; i < 96; ++i) EXPECT_EQ(q.codes[i], 0);
  for (std::size_t i = 96; i < 128; ++i) EXPECT_EQ(q.codes[i], -127);
  EXPECT_EQ(q.sums, (std::vector<std::int32_t>{0, 0, 0, -127 * 32}));
}

TEST(Tables, ScalarIsFirstAndTheBestIsSupported) {
  EXPECT_EQ(all_tables().front()->name, "scalar");
  const CpuFeatures cpu = detect_cpu_features();
  EXPECT_TRUE(best_table(cpu).supported(cpu));
  EXPECT_EQ(&best_table(CpuFeatures{}), find_table("scalar"));
  EXPECT_EQ(find_table("z80"), nullptr);
  for (const KernelTable* table : all_tables()) {
    for (const DTypeInfo& info : all_dtypes()) {
      EXPECT_EQ(table->matmul[static_cast<std::size_t>(info.type)] != nullptr,
                is_matrix_type(info.type) && find_codec(info.type))
          << table->name << " " << info.name;
    }
  }
}

}  // namespace
}  // namespace hearth::kernels
