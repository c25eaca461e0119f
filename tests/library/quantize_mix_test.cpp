// The mixes choose the types that the reference's own files have, tensor by tensor.
#include "library/quantize_mix.h"

#include <gtest/gtest.h>

#include "data_path.h"
#include "library/synthetic.h"

namespace hearth::quantize {
namespace {

using testing::data_path;

/// What plan_types would do to a file of this model, whatever types the file has now.
void expect_types_of_file(const std::string& golden, std::string_view mix_name) {
  const auto path = data_path("golden/quant/" + golden + "/model.gguf");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto file = open_model_file(path);
  ASSERT_TRUE(file) << file.error().message;
  const MixInfo* mix = find_mix(mix_name);
  ASSERT_NE(mix, nullptr);
  const auto plans = plan_types(**file, *mix, Purity::kMixed);
  ASSERT_TRUE(plans) << plans.error().message;
  for (const Plan& plan : *plans) {
    EXPECT_EQ(dtype_info(plan.target).name, dtype_info(plan.tensor->dtype).name) << golden << " " << plan.tensor->name;
  }
  EXPECT_EQ((*file)->require<std::uint32_t>("general.file_type").value_or(999), mix->file_type) << golden;
}

TEST(QuantizeMix, GivesTheTypesOfTheReferenceFiles) {
  for (const char* name : {"Q4_0", "Q5_0", "Q8_0", "F16", "BF16", "Q2_K", "Q3_K_M", "Q4_K_S", "Q4_K_M", "Q5_K_M",
                           "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4_MOE"})
    expect_types_of_file(name, name);
  expect_types_of_file("Q4_K_M-moe", "Q4_K_M");
}

TEST(QuantizeMix, OfMxfp4OnlyExperts) {
  const auto file = synthetic::make_model(*synthetic::find_shape("mixtral-tiny"), *find_mix("Q4_0"));
  ASSERT_TRUE(file) << file.error().message;
  const auto plans = plan_types(**file, *find_mix("MXFP4_MOE"), Purity::kMixed);
  ASSERT_TRUE(plans) << plans.error().message;
  int n_experts = 0;
  for (const Plan& plan : *plans) {
    const std::string_view name = plan.tensor->name;
    const bool experts = name.find("_exps.weight") != std::string_view::npos;
    n_experts += experts;
    if (plan.tensor->dtype == DType::kF32) {  // norms and routers
      EXPECT_EQ(plan.target, DType::kF32) << name;
      continue;
    }
    EXPECT_EQ(plan.target, experts ? DType::kMXFP4 : DType::kQ8_0) << name;
  }
  EXPECT_GT(n_experts, 0);
}

TEST(QuantizeMix, NamesAreFoundInEitherCase) {
  ASSERT_NE(find_mix("q4_k_m"), nullptr);
  EXPECT_EQ(find_mix("q4_k_m"), find_mix("Q4_K"));
  EXPECT_EQ(find_mix("iq4_xs")->base, DType::kIQ4_XS);
  EXPECT_EQ(find_mix("Q9_K"), nullptr);
  EXPECT_EQ(find_mix(""), nullptr);
}

TEST(QuantizeMix, RowsThatDoNotFitFallBack) {
  const auto path = data_path("weights/stories260K/stories260K.gguf");  // rows of 64 and 172 elements
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto file = open_model_file(path);
  ASSERT_TRUE(file);
  const auto plans = plan_types(**file, *find_mix("Q4_K_S"), Purity::kMixed);
  ASSERT_TRUE(plans);
  for (const Plan& plan : *plans) {
    const std::string_view name = plan.tensor->name;
    if (name.find("norm") != std::string_view::npos) {
      EXPECT_EQ(plan.target, plan.tensor->dtype) << name;
    } else if (plan.tensor->dims[0] % 32 != 0) {
      EXPECT_EQ(plan.target, DType::kF16) << name;
      EXPECT_TRUE(plan.unfit) << name;
    } else if (name == "blk.0.attn_q.weight") {
      EXPECT_EQ(plan.target, DType::kQ5_0);
      EXPECT_EQ(plan.unfit, DType::kQ4_K);
    }
  }
}

TEST(QuantizeMix, PureGivesEveryMatrixTheBaseType) {
  const auto path = data_path("golden/quant/Q4_K_M/model.gguf");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  const auto file = open_model_file(path);
  ASSERT_TRUE(file);
  const auto plans = plan_types(**file, *find_mix("Q4_K_M"), Purity::kPure);
  ASSERT_TRUE(plans);
  for (const Plan& plan : *plans) EXPECT_TRUE(plan.target == DType::kQ4_K || plan.target == DType::kF32);
}

}  // namespace
}  // namespace hearth::quantize
