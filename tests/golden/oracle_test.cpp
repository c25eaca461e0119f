// Architectures and variants that the golden data lacks, against the reference engine's logits in tests/data/oracle
// (made by tests/oracle/make_oracles.py).
#include <gtest/gtest.h>

#include "golden/golden.h"

#include <fmt/format.h>

namespace hearth {
namespace {

using testing::GoldenCase;

class Oracle : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(Oracle, LogitsMatchTheReferenceHoweverTheyAreCut) {
  const GoldenCase& oracle = GetParam();
  const auto model = native::NativeModel::open(oracle.folder / "model.gguf", {.n_threads = 1});
  ASSERT_TRUE(model) << model.error().message;
  const nlohmann::json shape = oracle.json("tokens.json");
  const auto tokens = shape["tokens"].get<std::vector<Token>>();
  const SequenceOptions options{.n_ctx = shape["n_ctx"], .kv = KvStorage::kF32};
  const auto whole = testing::all_rows(**model, tokens, options);
  ASSERT_TRUE(whole) << whole.error().message;
  const auto reference = oracle.floats("logits.f32");  // of the last n_rows tokens
  ASSERT_EQ(reference.size(), shape["n_rows"].get<std::size_t>() * shape["n_out"].get<std::size_t>());
  ASSERT_GE(whole->size(), reference.size());
  const std::vector<float> last(whole->end() - static_cast<std::ptrdiff_t>(reference.size()), whole->end());
  const testing::Difference d = testing::compare_rows(last, reference, shape["n_out"]);
  EXPECT_LE(d.max_abs, 1e-3);
  EXPECT_LE(d.relative_rms, 5e-5);
  RecordProperty("max_abs", fmt::format("{:.1e}", d.max_abs));
  RecordProperty("relative_rms", fmt::format("{:.1e}", d.relative_rms));

  for (const std::size_t chunk : {1u, 7u}) {
    const auto rows = testing::all_rows(**model, tokens, options, Want::Kind::kLogits, chunk);
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(std::memcmp(rows->data(), whole->data(), whole->size() * sizeof(float)), 0) << "chunks of " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(, Oracle, ::testing::ValuesIn(testing::oracle_cases()),
                         [](const auto& one) { return testing::test_name(one.param.name()); });

}  // namespace
}  // namespace hearth
