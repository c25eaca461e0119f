// Every architecture against the reference engine: logits of a whole prompt, the residual stream after each layer where
// one is given, greedy continuations, and our own bits under every way of cutting the work.
#include <gtest/gtest.h>

#include "golden/golden.h"
#include "models/model.h"

#include <fmt/format.h>

namespace hearth {
namespace {

using testing::GoldenCase;

std::unique_ptr<native::NativeModel> open(const GoldenCase& golden, native::Options options = {.n_threads = 1}) {
  auto model = native::NativeModel::open(golden.folder / "model.gguf", options);
  if (!model) {
    ADD_FAILURE() << model.error().message;
    return nullptr;
  }
  return std::move(*model);
}

class GoldenArch : public ::testing::TestWithParam<GoldenCase> {
 protected:
  void SetUp() override {
    const nlohmann::json t = golden().json("tokens.json");
    tokens_ = t["tokens"].get<std::vector<Token>>();
    n_out_ = t["n_out"];
    options_ = {.n_ctx = t["n_ctx"], .kv = KvStorage::kF32};
    kind_ = t["output"] == "embeddings" ? Want::Kind::kHidden : Want::Kind::kLogits;
  }
  [[nodiscard]] const GoldenCase& golden() const { return GetParam(); }

  std::vector<Token> tokens_;
  std::size_t n_out_ = 0;
  SequenceOptions options_;
  Want::Kind kind_ = Want::Kind::kLogits;
};

// The golden README's bar for F32 arithmetic and F32 KV.
TEST_P(GoldenArch, LogitsMatchTheReference) {
  const auto model = open(golden());
  ASSERT_TRUE(model);
  const auto rows = testing::all_rows(*model, tokens_, options_, kind_);
  ASSERT_TRUE(rows) << rows.error().message;
  const auto reference =
      golden().floats(golden().has("logits_exact_gelu.f32") ? "logits_exact_gelu.f32" : "logits.f32");
  ASSERT_EQ(rows->size(), reference.size());
  const testing::Difference d = testing::compare_rows(*rows, reference, n_out_);
  EXPECT_LE(d.max_abs, 1e-3);
  EXPECT_LE(d.relative_rms, 5e-5);
  RecordProperty("max_abs", fmt::format("{:.1e}", d.max_abs));
  RecordProperty("relative_rms", fmt::format("{:.1e}", d.relative_rms));
  if (::testing::Test::HasFailure() && golden().has("l_out.f32")) {
    const auto l_out = golden().floats("l_out.f32");
    const nlohmann::json shape = golden().json("tokens.json")["l_out"];
    const std::size_t dim = shape["n_embd"], n_tokens = shape["n_tokens"];
    EvaluateOptions observe;
    std::vector<double> worst(shape["n_layer"].get<std::size_t>(), 0.0);
    observe.observe_layer = [&](std::size_t layer, std::size_t row, std::span<const float> values) {
      for (std::size_t i = 0; layer < worst.size() && i < dim; ++i) {
        worst[layer] =
            std::max(worst[layer], std::abs(double{values[i]} - double{l_out[(layer * n_tokens + row) * dim + i]}));
      }
    };
    ASSERT_TRUE(testing::all_rows(*model, tokens_, options_, kind_, SIZE_MAX, observe));
    for (std::size_t l = 0; l < worst.size(); ++l)
      ADD_FAILURE() << "after layer " << l << ": max abs difference " << worst[l];
  }
}

class GoldenGreedy : public GoldenArch {};

TEST_P(GoldenGreedy, ContinuationIsEqual) {
  const auto model = open(golden());
  ASSERT_TRUE(model);
  const auto expected = golden().json("greedy.json")["tokens"].get<std::vector<Token>>();
  const auto tokens = testing::greedy(*model, tokens_, expected.size(), options_);
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_EQ(*tokens, expected);
}

// Our own bits: whole prompt, token by token, micro-batches, threads, chunk order, kernel tables.
TEST_P(GoldenArch, BitsDoNotDependOnHowWorkIsCut) {
  const auto model = open(golden());
  ASSERT_TRUE(model);
  const bool encoder = kind_ == Want::Kind::kHidden;
  for (const KvStorage kv : {KvStorage::kF32, KvStorage::kF16, KvStorage::kQ8_0}) {
    const SequenceOptions options{.n_ctx = options_.n_ctx, .kv = kv};
    const auto whole = testing::all_rows(*model, tokens_, options, kind_);
    ASSERT_TRUE(whole) << whole.error().message;
    const auto expect_equal = [&](const Result<std::vector<float>>& rows, const std::string& how) {
      ASSERT_TRUE(rows) << rows.error().message;
      ASSERT_EQ(rows->size(), whole->size());
      EXPECT_EQ(std::memcmp(rows->data(), whole->data(), whole->size() * sizeof(float)), 0) << how;
    };
    if (!encoder) {
      for (const std::size_t chunk : {1u, 7u})
        expect_equal(testing::all_rows(*model, tokens_, options, kind_, chunk), "chunks of " + std::to_string(chunk));
    }
    for (const std::size_t ubatch : {1u, 7u, 16u, 512u}) {
      expect_equal(testing::all_rows(*model, tokens_, options, kind_, SIZE_MAX, {.ubatch = ubatch}),
                   "ubatch " + std::to_string(ubatch));
    }
    for (const int n_threads : {2, 3}) {
      const auto other = open(golden(), {.n_threads = n_threads});
      other->pool().shuffle_chunks(static_cast<std::uint64_t>(n_threads));
      expect_equal(testing::all_rows(*other, tokens_, options, kind_),
                   std::to_string(n_threads) + " threads, shuffled");
    }
    const CpuFeatures cpu = detect_cpu_features();
    for (const auto* table : kernels::all_tables()) {
      if (!table->supported(cpu)) continue;
      const auto other = open(golden(), {.n_threads = 1, .isa = std::string(table->name)});
      expect_equal(testing::all_rows(*other, tokens_, options, kind_), std::string(table->name));
    }
  }
}

/// Embedding models whose pooled vector is given.
class GoldenPooled : public GoldenArch {};

TEST_P(GoldenPooled, VectorMatchesTheReference) {
  const auto model = open(golden());
  ASSERT_TRUE(model);
  const auto reference = golden().floats("pooled.f32");
  ASSERT_EQ(reference.size(), n_out_);
  const auto id = model->create_sequence(options_);
  ASSERT_TRUE(id) << id.error().message;
  const ScopedSequence sequence(*model, *id);
  const Item item{.sequence = *id, .tokens = tokens_};
  const Want want{.item_idx = 0, .row = 0, .kind = Want::Kind::kPooled};
  RowCollector collector;
  const auto status = model->evaluate({&item, 1}, {&want, 1}, collector);
  ASSERT_TRUE(status) << status.error().message;
  const std::vector<float>& pooled = collector.rows[0];
  ASSERT_EQ(pooled.size(), reference.size());
  // Where the reference rounds inside GELU, only the hidden states have an exact version: hence the wider bar.
  const bool rounded = golden().has("logits_exact_gelu.f32");
  const testing::Difference d = testing::compare_rows(pooled, reference, n_out_);
  EXPECT_LE(d.max_abs, rounded ? 3e-2 : 1e-3);
  EXPECT_LE(d.relative_rms, rounded ? 5e-3 : 5e-5);
  RecordProperty("max_abs", std::to_string(d.max_abs));
  // The same vector from the exact hidden states.
  const auto hidden = golden().floats(rounded ? "logits_exact_gelu.f32" : "logits.f32");
  const std::string kind = golden().json("tokens.json")["pooled"];
  ASSERT_TRUE(kind == "cls" || kind == "mean") << kind;
  const std::size_t n_rows = kind == "cls" ? 1 : hidden.size() / n_out_;
  for (std::size_t i = 0; i < n_out_; ++i) {
    double expected = 0;
    for (std::size_t row = 0; row < n_rows; ++row) expected += hidden[row * n_out_ + i];
    EXPECT_NEAR(pooled[i], expected / static_cast<double>(n_rows), 1e-3);
  }
}

std::vector<GoldenCase> pooled_cases() {
  std::vector<GoldenCase> cases = testing::arch_cases();
  std::erase_if(cases, [](const GoldenCase& golden) { return !golden.has("pooled.f32"); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(, GoldenPooled, ::testing::ValuesIn(pooled_cases()),
                         [](const auto& test) { return testing::test_name(test.param.name()); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenPooled);

INSTANTIATE_TEST_SUITE_P(, GoldenArch, ::testing::ValuesIn(testing::arch_cases()),
                         [](const auto& one) { return testing::test_name(one.param.name()); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenArch);

INSTANTIATE_TEST_SUITE_P(, GoldenGreedy, ::testing::ValuesIn(testing::decoder_cases()),
                         [](const auto& one) { return testing::test_name(one.param.name()); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenGreedy);

TEST(GoldenArchData, IsPresent) {
  if (testing::golden_cases("arch").empty()) GTEST_SKIP() << *testing::missing(testing::data_path("golden/arch"));
}

}  // namespace
}  // namespace hearth
