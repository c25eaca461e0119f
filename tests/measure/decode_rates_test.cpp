// The probe that predictions of speed rest on gives a rate for every matrix type, and leaves others out.
#include "measure/decode_rates.h"

#include <gtest/gtest.h>

#include "base/cpu_features.h"

namespace hearth::measure {
namespace {

TEST(DecodeRates, EveryTypeHasOne) {
  ThreadPool pool(2);
  const DType types[] = {DType::kQ4_K, DType::kQ8_0, DType::kQ4_0, DType::kF16, DType::kF32, DType::kI32};
  const auto rates = measure_decode_rates(kernels::best_table(detect_cpu_features()), pool, types, 0.05);
  ASSERT_TRUE(rates) << rates.error().message;
  EXPECT_GT(rates->read_gb_s, 0.01);
  EXPECT_EQ(rates->n_threads, 2);
  EXPECT_EQ(rates->type_gb_s.size(), 5u);
  for (const auto& [type, rate] : rates->type_gb_s) EXPECT_GT(rate, 0.001) << dtype_info(type).name;
}

}  // namespace
}  // namespace hearth::measure
