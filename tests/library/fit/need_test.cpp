// Memory by formula beside memory by header, and speed from bytes. Measured peaks: tests/cli/plan_command_test.cpp.
#include "library/fit/need.h"

#include <gtest/gtest.h>

#include "library/fit/speed.h"
#include "library/synthetic.h"

namespace hearth::fit {
namespace {

TEST(MemoryNeed, FormulasAgreeWithHeaders) {
  for (const char* name : {"llama-3.2-1b", "qwen2.5-7b", "llama-3.1-8b"}) {
    const synthetic::Shape& shape = *synthetic::find_shape(name);
    const auto file = synthetic::make_model(shape, *quantize::find_mix("Q4_K_M"));
    ASSERT_TRUE(file);
    const auto report = report_model(**file);
    ASSERT_TRUE(report && report->memory) << name;
    const Candidate candidate{.name = name,
                              .n_parameters = report->n_parameters,
                              .n_layers = shape.n_layers,
                              .dim = shape.dim,
                              .ffn_dim = shape.ffn,
                              .n_heads = shape.n_heads,
                              .n_kv_heads = shape.n_kv_heads,
                              .head_dim = shape.head_dim,
                              .vocab_size = shape.vocab,
                              .n_ctx_train = shape.n_ctx};
    const Running running{.n_ctx = 4096};
    MemoryNeed by_header = need_of(*report->memory, running), by_formula = need_of(plan_of(candidate), running);
    EXPECT_EQ(by_header.kv_bytes, by_formula.kv_bytes) << name;
    by_formula.vocabulary_bytes = by_header.vocabulary_bytes;  // random weights have none
    EXPECT_NEAR(static_cast<double>(by_formula.total()) / static_cast<double>(by_header.total()), 1, 0.06) << name;
  }
}

TEST(MemoryNeed, KeysComeInBlocksAndShortPromptsTakeFewRows) {
  MemoryPlan plan{.weight_bytes = 1000, .working_row_bytes = 10, .logit_bytes = 5};
  plan.kv_bytes_per_token[0] = 2;
  const MemoryNeed need = need_of(plan, {.n_ctx = 300, .ubatch = 512});
  EXPECT_EQ(need.kv_bytes, 1024u);
  EXPECT_EQ(need.working_bytes, 3005u);
  EXPECT_EQ(need.total(), 1000 + 1024 + 3005 + kProgramBytes);
}

TEST(Speed, BytesOverBytesPerSecond) {
  DecodeWork work{.weight_bytes = {{DType::kQ4_K, 1e9}, {DType::kQ6_K, 0.5e9}}, .kv_bytes_per_token = 1e5};
  const DeviceSpeed device{.read_gb_s = 20, .type_gb_s = {{DType::kQ4_K, 10}, {DType::kQ6_K, 5}}};
  const SpeedEstimate estimate = estimate_speed(work, device, 10'000);
  EXPECT_NEAR(estimate.tok_s, 5, 1e-9);
  EXPECT_NEAR(estimate.tok_s_full, 1 / 0.25, 1e-9);
  EXPECT_NE(estimate.how_sure.find("within a fifth"), std::string::npos);
  work.weight_bytes[DType::kIQ4_XS] = 1e9;
  EXPECT_NE(estimate_speed(work, device, 0).how_sure.find("roughly"), std::string::npos);
  EXPECT_EQ(estimate_speed(work, {}, 0).tok_s, 0);
}

TEST(Speed, OnlyTheExpertsThatAreUsedAreRead) {
  const auto file = synthetic::make_model(*synthetic::find_shape("mixtral-tiny"), *quantize::find_mix("Q4_0"));
  ASSERT_TRUE(file);
  double all = 0;
  for (const TensorInfo& tensor : (*file)->tensors()) all += static_cast<double>(tensor.size_bytes);
  const DecodeWork work = work_of(**file, {}, KvStorage::kF16);
  EXPECT_LT(work.total_weight_bytes(), 0.6 * all);
  EXPECT_EQ(work.n_layers, 8u);
}

}  // namespace
}  // namespace hearth::fit
