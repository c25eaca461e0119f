// Every table's products and quantisers against the scalar ones, bit for bit: all types, sizes around the blocks.
#include <gtest/gtest.h>

#include "avxvnni_by_avx2.h"
#include "random_matrix.h"
#include "tensor/half.h"

namespace hearth::kernels {
namespace {

using namespace testing;

const KernelTable& scalar() {
  return *find_table("scalar");
}

std::vector<const KernelTable*> other_tables() {
  const CpuFeatures cpu = detect_cpu_features();
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : all_tables()) {
    if (table != &scalar() && table->supported(cpu)) tables.push_back(table);
  }
#if defined(__x86_64__)
  if (cpu.avx2_fma) tables.push_back(&avxvnni::table_by_avx2());
#endif
  return tables;
}

/// The first position where two results differ, or nothing.
std::string difference(const std::vector<float>& a, const std::vector<float>& b, std::size_t n) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) {
      return "m " + std::to_string(i / n) + " n " + std::to_string(i % n) + ": " + std::to_string(a[i]) + " and " +
             std::to_string(b[i]);
    }
  }
  return "";
}

void expect_same_products(const RandomMatrix& w, const Activations& act, const std::string& what) {
  const auto expected = multiply(scalar(), w.matrix, act.rows);
  for (const KernelTable* table : other_tables()) {
    EXPECT_EQ(difference(multiply(*table, w.matrix, act.rows), expected, w.matrix.n), "")
        << table->name << " " << dtype_info(w.matrix.type).name << " " << what << " k " << w.matrix.k << " m "
        << act.rows.m;
  }
}

std::size_t block_len(const QuantCodec& codec) {
  return dtype_info(codec.type).block_len;
}

class MatmulTables : public ::testing::TestWithParam<const QuantCodec*> {};

TEST_P(MatmulTables, EqualScalarForEveryNumberOfRows) {
  const QuantCodec& codec = *GetParam();
  std::mt19937 random(11);
  const std::size_t k = block_len(codec) == 1 ? 37 : 2 * block_len(codec);
  const RandomMatrix w(codec.type, 37, k, random);
  const auto x = random_values(64 * k, random);
  for (std::size_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 33, 64}) {
    expect_same_products(w, Activations(act_kind(codec.type), m, k, x, scalar()), "rows");
  }
}

TEST_P(MatmulTables, EqualScalarForEveryNumberOfBlocks) {
  const QuantCodec& codec = *GetParam();
  std::mt19937 random(12);
  for (std::size_t blocks : {1, 2, 3, 5, 8}) {
    const std::size_t k = blocks * block_len(codec);
    for (std::size_t n : {1, 15, 16, 17, 48}) {
      const RandomMatrix w(codec.type, n, k, random);
      const auto x = random_values(9 * k, random);
      for (std::size_t m : {1, 4, 9}) {
        expect_same_products(w, Activations(act_kind(codec.type), m, k, x, scalar()), "blocks, n " + std::to_string(n));
      }
    }
  }
}

TEST_P(MatmulTables, EqualScalarAtTheLimitsOfIntegers) {
  const QuantCodec& codec = *GetParam();
  std::mt19937 random(13);
  const std::size_t k = 3 * std::max<std::size_t>(32, block_len(codec)), n = 32;
  RandomMatrix w(codec.type, n, k, random);
  // Rows of all ones, all zeroes and alternating bytes: the largest codes, sub-scales and minima a block can hold.
  // Their scales may be infinite or NaN, which must come out as such.
  const std::uint8_t patterns[] = {0xff, 0x00, 0x80, 0x7f, 0xf0, 0x0f, 0x55, 0xaa};
  const std::size_t row = w.rows.size() / n;
  for (std::size_t i = 0; i < std::size(patterns); ++i) {
    std::memset(&w.rows[i * row], patterns[i], row);
    // Once more with the row's own scales: only bytes 6.. and before the last 4 of each block are overwritten.
    std::vector<std::byte> block(dtype_info(codec.type).block_bytes);
    for (std::size_t b = 0; b * block.size() < row && block.size() > 16; ++b) {
      std::memset(&w.rows[(8 + i) * row + b * block.size() + 6], patterns[i], block.size() - 10);
    }
  }
  w.pack();
  for (std::size_t m : {1, 3, 12, 25}) {
    std::vector<float> x(m * k, 1.0f);
    for (std::size_t i = k; i < x.size(); ++i) x[i] = (random() % 2 ? 1.0f : -1.0f) * (i / k % 3 == 2 ? 0.01f : 1.0f);
    expect_same_products(w, Activations(act_kind(codec.type), m, k, x, scalar()), "limits");
  }
}

TEST_P(MatmulTables, EqualScalarForDamagedAndTinyActivations) {
  const QuantCodec& codec = *GetParam();
  std::mt19937 random(14);
  const std::size_t k = 4 * std::max<std::size_t>(32, block_len(codec));
  const RandomMatrix w(codec.type, 16, k, random);
  for (std::size_t m : {4, 13}) {
    auto x = random_values(m * k, random);
    x[5] = std::numeric_limits<float>::infinity();
    x[k + 40] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t i = 0; i < k; ++i) x[2 * k + i] = i < k / 2 ? 0.0f : 0x1p-120f;
    for (std::size_t i = 0; i < k; ++i) x[3 * k + i] *= i < k / 2 ? 0x1p-99f : 0x1p100f;
    expect_same_products(w, Activations(act_kind(codec.type), m, k, x, scalar()), "damage");
  }
}

TEST_P(MatmulTables, ARowNeverDependsOnItsCompany) {
  const QuantCodec& codec = *GetParam();
  std::mt19937 random(15);
  const std::size_t k = block_len(codec) == 1 ? 61 : 2 * block_len(codec), n = 40;
  const RandomMatrix w(codec.type, n, k, random);
  const auto x = random_values(64 * k, random);
  for (const KernelTable* table : other_tables()) {
    const Activations all(act_kind(codec.type), 64, k, x, *table);
    const auto together = multiply(*table, w.matrix, all.rows);
    for (std::size_t row = 0; row < 64; ++row) {
      const auto alone = multiply(*table, w.matrix, all.one(row));
      EXPECT_EQ(std::memcmp(alone.data(), &together[row * n], n * sizeof(float)), 0) << table->name << " row " << row;
    }
  }
}

std::vector<MatmulFn> products_of(const KernelTable& table, DType type) {
  std::vector<MatmulFn> products = {table.matmul[static_cast<std::size_t>(type)]};
  if (type == DType::kBF16) products.push_back(table.matmul_bf16);
  return products;
}

TEST_P(MatmulTables, WriteOnlyTheirPanels) {
  const QuantCodec& codec = *GetParam();
  std::mt19937 random(16);
  const std::size_t k = std::max<std::size_t>(32, block_len(codec)), n = 57, stride = 70;
  const RandomMatrix w(codec.type, n, k, random);
  for (const KernelTable* table : other_tables()) {
    for (std::size_t m : {1, 7, 14}) {
      const Activations act(act_kind(codec.type), m, k, random_values(m * k, random), *table);
      ExactBytes scratch(matmul_scratch_bytes(k));
      for (std::size_t begin : {0, 1, 3}) {
        for (std::size_t end : {begin, begin + 1, std::size_t{4}}) {
          for (const MatmulFn product : products_of(*table, codec.type)) {
            std::vector<float> out(m * stride, -1.0f);
            product(w.matrix, act.rows, begin, end, out.data(), stride, scratch.data());
            for (std::size_t i = 0; i < out.size(); ++i) {
              const bool inside = i % stride >= 16 * begin && i % stride < std::min(n, 16 * end);
              ASSERT_EQ(out[i] != -1.0f, inside) << table->name << " m " << i / stride << " n " << i % stride;
            }
          }
        }
      }
    }
  }
}

// Where activations are BF16, too, products of pairs must be those of one multiply-add per element: every number of
// columns, an odd K, more columns than a span holds, a K that fills the scratch.
TEST(MatmulBf16, EqualsTheProductWithFloats) {
  std::mt19937 random(23);
  struct Size {
    std::size_t k, n, m;
  };
  std::vector<Size> sizes = {{1, 5, 3}, {64, 33, 4000}, {63, 16, 400}, {2048, 100, 140}, {8192, 70, 50}};
  for (std::size_t m = 1; m <= 40; ++m) sizes.push_back({37 + m % 2, 87, m});
  for (const auto [k, n, m] : sizes) {
    const RandomMatrix w(DType::kBF16, n, k, random);
    auto x = random_values(m * k, random);
    for (float& value : x) value = rounded_to_bf16(std::ldexp(value, static_cast<int>(random() % 20) - 10));
    for (std::size_t i = 0; i < x.size(); i += 29) x[i] = i % 2 == 0 ? 0.0f : -0.0f;
    if (m == 33) x[5] = std::numeric_limits<float>::infinity();
    const Activations act(ActKind::kF32, m, k, x, scalar());
    const auto expected = multiply(scalar(), w.matrix, act.rows);
    for (const KernelTable* table : all_tables()) {
      if (!table->supported(detect_cpu_features())) continue;
      EXPECT_EQ(difference(multiply(table->matmul_bf16, w.matrix, act.rows), expected, n), "")
          << table->name << " k " << k << " m " << m;
    }
  }
  const CpuFeatures cpu = detect_cpu_features();
  if (cpu.avx512_vnni && cpu.avx512_bf16) {
    EXPECT_EQ(best_table(cpu).matmul_bf16_isa, "avx512_bf16");
  }
}

std::vector<const QuantCodec*> codecs() {
  std::vector<const QuantCodec*> list;
  for (const QuantCodec& codec : all_codecs()) list.push_back(&codec);
  return list;
}

INSTANTIATE_TEST_SUITE_P(AllTypes, MatmulTables, ::testing::ValuesIn(codecs()),
                         [](const auto& instance) { return std::string(dtype_info(instance.param->type).name); });

// Which table fills which slot: a reader that quietly falls back to scalar would pass every test above.
TEST(MatmulIsa, EveryTableFillsEveryTypeItself) {
  for (const KernelTable* table : other_tables()) {
    for (const QuantCodec& codec : all_codecs()) {
      std::string_view expected = table->name;
      // Products of int8 have nothing to give to float types: they stay with the parent's readers.
      if (codec.form == CodesForm::kNone && expected == "neon_i8mm") expected = "neon";
      if (codec.form == CodesForm::kNone && expected.starts_with("avxvnni")) expected = "avx2";
      EXPECT_EQ(table->matmul_isa[static_cast<std::size_t>(codec.type)], expected) << dtype_info(codec.type).name;
    }
    EXPECT_NE(table->quantize_i8x32, scalar().quantize_i8x32) << table->name;
    EXPECT_NE(table->quantize_i8x256, scalar().quantize_i8x256) << table->name;
  }
}

TEST(QuantizeTables, EqualScalar) {
  std::mt19937 random(17);
  const std::size_t k = 2048;
  auto x = random_values(k, random);
  for (std::size_t i = 256; i < 512; ++i) x[i] = std::ldexp(x[i], static_cast<int>(random() % 240) - 120);
  for (std::size_t i = 512; i < 768; ++i) x[i] = static_cast<float>(static_cast<int>(random() % 255) - 127) * 0.5f;
  for (std::size_t i = 768; i < 1024; ++i) x[i] = static_cast<float>(static_cast<int>(random() % 509) - 254) / 254.0f;
  x[1024] = std::numeric_limits<float>::infinity();
  x[1310] = -std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 1536; i < 1792; ++i) x[i] = i % 2 ? 0x1p-101f : -0.0f;
  for (std::size_t i = 1792; i < 2048; ++i) x[i] = i < 1900 ? 0x1.fffffep127f : -0x1p-100f;
  for (ActKind kind : {ActKind::kI8x32, ActKind::kI8x256}) {
    const std::size_t scale_len = kind == ActKind::kI8x256 ? 256 : 32, sum_len = kind == ActKind::kI8x256 ? 16 : 32;
    for (std::size_t length : {scale_len, 3 * scale_len, k}) {
      const Activations expected(kind, 1, length, x, scalar());
      for (const KernelTable* table : other_tables()) {
        const Activations got(kind, 1, length, x, *table);
        EXPECT_EQ(std::memcmp(got.rows.codes, expected.rows.codes, length), 0) << table->name << " codes";
        EXPECT_EQ(std::memcmp(got.rows.scales, expected.rows.scales, length / scale_len * 4), 0) << table->name;
        EXPECT_EQ(std::memcmp(got.rows.sums, expected.rows.sums, length / sum_len * 4), 0) << table->name << " sums";
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels
