// Quantized copies: what is kept, what changes, and what is refused. Mixes are tested in quantize_mix_test.
#include "library/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "file/gguf/writer.h"
#include "tensor/quant/codec.h"

namespace hearth::quantize {
namespace {

/// A file of one matrix [64 x 3], one norm and one table of integers.
class Quantize : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("hearth-quantize-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    for (std::size_t i = 0; i < matrix_.size(); ++i) matrix_[i] = std::sin(static_cast<float>(i) * 0.37f);
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::unique_ptr<ModelFile> source() {
    gguf::HeaderBuilder builder;
    builder.add_string("general.architecture", "llama");
    builder.add_number("general.file_type", std::uint32_t{0});
    builder.add_number("llama.block_count", std::uint32_t{1});
    builder.add_number("split.no", std::uint16_t{0});
    builder.add_string("note", "kept");
    const std::uint64_t dims[] = {64, 3}, norm_dims[] = {3}, table_dims[] = {2, 2};
    builder.add_tensor("blk.0.attn_q.weight", DType::kF32, dims);
    builder.add_tensor("blk.0.attn_norm.weight", DType::kF32, norm_dims);
    builder.add_tensor("blk.0.table.weight", DType::kI32, table_dims);
    auto writer = gguf::Writer::create(folder_ / "in.gguf", builder);
    EXPECT_TRUE(writer) << writer.error().message;
    EXPECT_TRUE(writer->write(std::as_bytes(std::span(matrix_))));
    EXPECT_TRUE(writer->write(std::as_bytes(std::span(norm_))));
    EXPECT_TRUE(writer->write(std::as_bytes(std::span(table_))));
    EXPECT_TRUE(writer->finish());
    auto file = open_model_file(folder_ / "in.gguf");
    EXPECT_TRUE(file) << file.error().message;
    return file ? std::move(*file) : nullptr;
  }

  template <typename T>
  static std::vector<T> tensor(const ModelFile& file, std::string_view name) {
    const TensorInfo* info = file.find_tensor(name);
    EXPECT_NE(info, nullptr) << name;
    std::vector<T> values(info ? info->size_bytes / sizeof(T) : 0);
    EXPECT_TRUE(info && file.read_tensor(*info, std::as_writable_bytes(std::span(values))));
    return values;
  }

  std::filesystem::path folder_;
  std::vector<float> matrix_ = std::vector<float>(64 * 3);
  std::vector<float> norm_ = {1.0f, 2.0f, 3.0f};
  std::vector<std::int32_t> table_ = {7, -8, 9, 10};
  ThreadPool pool_{2};
};

TEST_F(Quantize, ChangesMatricesAndKeepsTheRest) {
  const auto in = source();
  const auto out_path = folder_ / "out.gguf";
  const auto report = quantize_file(*in, out_path, {.mix = find_mix("Q8_0")}, pool_);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->plans.size(), 3u);
  const auto out = open_model_file(out_path);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ((*out)->require<std::string>("note"), "kept");
  EXPECT_EQ((*out)->require<std::uint32_t>("general.file_type"), 7u);
  EXPECT_EQ((*out)->require<std::uint32_t>("general.quantization_version"), 2u);
  EXPECT_FALSE((*out)->find_metadata("split.no"));
  EXPECT_EQ(tensor<float>(**out, "blk.0.attn_norm.weight"), norm_);
  EXPECT_EQ(tensor<std::int32_t>(**out, "blk.0.table.weight"), table_);
  ASSERT_EQ((*out)->find_tensor("blk.0.attn_q.weight")->dtype, DType::kQ8_0);
  const auto blocks = tensor<std::byte>(**out, "blk.0.attn_q.weight");
  std::vector<std::byte> expected(row_bytes(DType::kQ8_0, 64) * 3);
  find_codec(DType::kQ8_0)->encode(matrix_.data(), nullptr, expected.data(), matrix_.size());
  EXPECT_EQ(blocks, expected);
}

TEST_F(Quantize, ValuesThatAreNotFiniteAreRefusedByName) {
  matrix_[130] = std::numeric_limits<float>::quiet_NaN();
  const auto in = source();
  const auto report = quantize_file(*in, folder_ / "out.gguf", {.mix = find_mix("Q4_0")}, pool_);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("blk.0.attn_q.weight"), std::string::npos) << report.error().message;
  EXPECT_NE(report.error().message.find("element 130"), std::string::npos) << report.error().message;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.gguf"));
}

TEST_F(Quantize, NeverOverwritesItsSource) {
  const auto in = source();
  EXPECT_FALSE(quantize_file(*in, folder_ / "in.gguf", {.mix = find_mix("F16")}, pool_));
  EXPECT_FALSE(quantize_file(*in, folder_ / "." / "in.gguf", {.mix = find_mix("F16")}, pool_));
}

TEST_F(Quantize, TellsHowFarItIs) {
  const auto in = source();
  std::vector<std::size_t> seen;
  Options options{.mix = find_mix("F16")};
  options.progress = [&](const Plan& plan, std::size_t idx, std::size_t n) {
    EXPECT_NE(plan.tensor, nullptr);
    EXPECT_EQ(n, 3u);
    seen.push_back(idx);
  };
  ASSERT_TRUE(quantize_file(*in, folder_ / "out.gguf", options, pool_));
  EXPECT_EQ(seen, (std::vector<std::size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace hearth::quantize
