// Models with random weights: every shape is one the native engine accepts, and reading does not depend on the cut.
#include "library/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "library/model_report.h"
#include "tensor/quant/codec.h"

namespace hearth::synthetic {
namespace {

const quantize::MixInfo& mix(std::string_view name) {
  return *quantize::find_mix(name);
}

TEST(Synthetic, EveryShapeIsAModelOfItsSize) {
  // Parameters in millions as the publishers count them.
  const std::vector<std::pair<std::string_view, double>> known = {
      {"smollm2-360m", 362}, {"qwen2.5-0.5b", 494},  {"llama-3.2-1b", 1236}, {"qwen2.5-1.5b", 1544},
      {"gemma-2-2b", 2614},  {"llama-3.2-3b", 3213}, {"phi-3-mini", 3821},   {"mistral-7b", 7248},
      {"qwen2.5-7b", 7616},  {"qwen2.5-14b", 14770}, {"llama-3.1-8b", 8030}, {"tinyllama-1.1b", 1100},
      {"qwen3-0.6b", 596}};
  for (const Shape& shape : all_shapes()) {
    const auto model = make_model(shape, mix("Q4_K_M"));
    ASSERT_TRUE(model) << model.error().message;
    const auto report = report_model(**model);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->obstacle, "") << shape.name;
    EXPECT_EQ(report->file_type, "Q4_K_M");
    for (const auto& [name, millions] : known) {
      if (name == shape.name) {
        EXPECT_NEAR(static_cast<double>(report->n_parameters) / 1e6, millions, 0.005 * millions) << name;
      }
    }
  }
  EXPECT_EQ(find_shape("LLAMA-3.2-1B")->name, "llama-3.2-1b");
  EXPECT_EQ(find_shape("llama-9"), nullptr);
}

TEST(Synthetic, BytesDoNotDependOnTheCut) {
  const auto made = make_model(*find_shape("smollm2-360m"), mix("Q4_K_M")),
             again = make_model(*find_shape("smollm2-360m"), mix("Q4_K_M"));
  ASSERT_TRUE(made && again);
  for (const TensorInfo& tensor : (*made)->tensors().first(14)) {
    std::vector<std::byte> whole(std::min<std::uint64_t>(tensor.size_bytes, 20'000)), pieces(whole.size());
    ASSERT_TRUE((*made)->read_tensor_range(tensor, 0, whole));
    const TensorInfo& same = *(*again)->find_tensor(tensor.name);
    for (std::size_t at = 0; at < pieces.size(); at += 37) {
      const std::size_t n = std::min<std::size_t>(37, pieces.size() - at);
      ASSERT_TRUE((*again)->read_tensor_range(same, at, std::span(pieces).subspan(at, n)));
    }
    EXPECT_EQ(whole, pieces) << tensor.name;
  }
}

TEST(Synthetic, WeightsHaveTheDeviationOfTheirRows) {
  const auto made = make_model(*find_shape("qwen2.5-0.5b"), mix("Q8_0"));
  ASSERT_TRUE(made);
  const TensorInfo& tensor = *(*made)->find_tensor("blk.3.ffn_down.weight");
  const std::size_t n = 1 << 16;
  std::vector<std::byte> bytes(row_bytes(tensor.dtype, n));
  ASSERT_TRUE((*made)->read_tensor_range(tensor, 0, bytes));
  std::vector<float> values(n);
  find_codec(tensor.dtype)->decode(bytes.data(), values.data(), n);
  double square = 0;
  for (const float value : values) square += double{value} * value;
  EXPECT_NEAR(std::sqrt(square / static_cast<double>(n)) * std::sqrt(static_cast<double>(tensor.dims[0])), 1.0, 0.02);
}

}  // namespace
}  // namespace hearth::synthetic
