// The numeric promise of the native engine beyond one prompt: bits do not depend on company, forks, rewinds, saved
// state, a host's floating-point mode or an earlier cancel. Runs on every golden decoder, so each kind of per-layer
// state is covered.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "golden/golden.h"
#include "models/model.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace hearth {
namespace {

using testing::GoldenCase;

// The floating-point control word of this thread, and its bits for flush to zero and rounding toward zero.
#if defined(__x86_64__)
constexpr std::uint64_t kFlushAndTruncate = 0x8040 | 0x6000;
std::uint64_t control_word() {
  return _mm_getcsr();
}
void set_control_word(std::uint64_t word) {
  _mm_setcsr(static_cast<unsigned>(word));
}
#elif defined(__aarch64__)
constexpr std::uint64_t kFlushAndTruncate = 0x1c00000;
std::uint64_t control_word() {
  std::uint64_t word;
  asm volatile("mrs %0, fpcr" : "=r"(word));
  return word;
}
void set_control_word(std::uint64_t word) {
  asm volatile("msr fpcr, %0" ::"r"(word));
}
#else
constexpr std::uint64_t kFlushAndTruncate = 0;
std::uint64_t control_word() {
  return 0;
}
void set_control_word(std::uint64_t) {}
#endif

class BitEquality : public ::testing::TestWithParam<GoldenCase> {
 protected:
  void SetUp() override {
    const nlohmann::json t = GetParam().json("tokens.json");
    tokens_ = t["tokens"].get<std::vector<Token>>();
    options_ = {.n_ctx = t["n_ctx"], .kv = KvStorage::kF16};
    model_ = open({.n_threads = 2});
    ASSERT_TRUE(model_);
    const auto rows = testing::all_rows(*model_, tokens_, options_);
    ASSERT_TRUE(rows) << rows.error().message;
    expected_ = *rows;
    vocab_ = expected_.size() / tokens_.size();
  }

  [[nodiscard]] std::unique_ptr<native::NativeModel> open(const native::Options& options) const {
    auto model = native::NativeModel::open(GetParam().folder / "model.gguf", options);
    if (!model) ADD_FAILURE() << model.error().message;
    return model ? std::move(*model) : nullptr;
  }
  SequenceId sequence(LanguageModel& model) const { return model.create_sequence(options_).value(); }
  /// Appends tokens [begin, end) and returns all their rows.
  Result<std::vector<float>> append(LanguageModel& model, SequenceId id, std::size_t begin, std::size_t end,
                                    const EvaluateOptions& options = {}) const {
    const Item item{.sequence = id, .tokens = std::span(tokens_).subspan(begin, end - begin)};
    std::vector<Want> wants;
    for (std::size_t r = 0; r < end - begin; ++r) wants.push_back({.row = r});
    RowCollector collector;
    HEARTH_CHECK(model.evaluate({&item, 1}, wants, collector, options));
    std::vector<float> rows;
    for (const auto& row : collector.rows) rows.insert(rows.end(), row.begin(), row.end());
    return rows;
  }
  /// True when rows are bit for bit the expected ones of tokens [begin, ...).
  void expect_rows(const Result<std::vector<float>>& rows, std::size_t begin, const std::string& how) const {
    ASSERT_TRUE(rows) << how << ": " << rows.error().message;
    ASSERT_LE(begin * vocab_ + rows->size(), expected_.size());
    EXPECT_EQ(std::memcmp(rows->data(), expected_.data() + begin * vocab_, rows->size() * sizeof(float)), 0) << how;
  }

  std::unique_ptr<native::NativeModel> model_;
  std::vector<Token> tokens_;
  SequenceOptions options_;
  std::vector<float> expected_;  // all rows of the prompt, evaluated at once
  std::size_t vocab_ = 0;
};

TEST_P(BitEquality, AloneAndBesideOtherSequences) {
  const SequenceId a = sequence(*model_), b = sequence(*model_), c = sequence(*model_);
  const std::vector<Token> noise(tokens_.rbegin(), tokens_.rbegin() + 11);
  std::size_t done = 0;
  for (const std::size_t n : {5u, 1u, 30u, 12u}) {
    const Item items[] = {{.sequence = b, .tokens = std::span(noise).first(n % 3 + 1)},
                          {.sequence = a, .tokens = std::span(tokens_).subspan(done, n)},
                          {.sequence = c, .tokens = std::span(noise).first(2)}};
    std::vector<Want> wants;
    for (std::size_t r = 0; r < n; ++r) wants.push_back({.item_idx = 1, .row = r});
    RowCollector collector;
    ASSERT_TRUE(model_->evaluate(items, wants, collector, {.ubatch = 8}));
    std::vector<float> rows;
    for (const auto& row : collector.rows) rows.insert(rows.end(), row.begin(), row.end());
    expect_rows(rows, done, "beside others");
    done += n;
  }
}

TEST_P(BitEquality, AfterForkAndRewind) {
  const SequenceId parent = sequence(*model_);
  ASSERT_TRUE(append(*model_, parent, 0, 20));
  const auto fork = model_->fork(parent, 20);
  ASSERT_TRUE(fork) << fork.error().message;
  // The parent goes another way; the fork must not see it.
  const Item astray{.sequence = parent, .tokens = std::span(tokens_).first(9)};
  RowCollector ignored;
  ASSERT_TRUE(model_->evaluate({&astray, 1}, {}, ignored));
  expect_rows(append(*model_, *fork, 20, 48), 20, "in the fork");

  const auto reached = model_->rewind(parent, 20);
  ASSERT_TRUE(reached);
  EXPECT_LE(*reached, 20u);
  if (model_->capabilities().rewind == Capabilities::Rewind::kAny) {
    EXPECT_EQ(*reached, 20u);
  }
  expect_rows(append(*model_, parent, *reached, 48), *reached, "after the rewind");
}

TEST_P(BitEquality, AfterSaveAndRestoreUnderEveryInstructionSet) {
  const CpuFeatures cpu = detect_cpu_features();
  for (const auto* saving : kernels::all_tables()) {
    if (!saving->supported(cpu)) continue;
    const auto saver = open({.n_threads = 1, .isa = std::string(saving->name)});
    const SequenceId id = sequence(*saver);
    ASSERT_TRUE(append(*saver, id, 0, 30));
    ASSERT_TRUE(saver->rewind(id, 30));
    std::vector<std::byte> saved;
    ASSERT_TRUE(saver->export_state(id, [&](std::span<const std::byte> bytes) -> Status {
      saved.insert(saved.end(), bytes.begin(), bytes.end());
      return {};
    }));
    for (const auto* restoring : kernels::all_tables()) {
      if (!restoring->supported(cpu)) continue;
      const auto restorer = open({.n_threads = 1, .isa = std::string(restoring->name)});
      const auto restored = restorer->import_state(saved, options_);
      ASSERT_TRUE(restored) << restored.error().message;
      EXPECT_EQ(restorer->length(*restored).value(), 30u);
      expect_rows(append(*restorer, *restored, 30, 48), 30,
                  std::string(saving->name) + " -> " + std::string(restoring->name));
    }
  }
}

TEST_P(BitEquality, CancelledAtEachLayerAndRunAgain) {
  const SequenceId id = sequence(*model_);
  ASSERT_TRUE(append(*model_, id, 0, 17));
  for (std::size_t stop_after = 1; stop_after <= model_->info().n_layers; ++stop_after) {
    std::size_t asked = 0;
    const auto cancelled = append(*model_, id, 17, 48, {.cancelled = [&] { return ++asked == stop_after; }});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(model_->length(id).value(), 17u);
  }
  expect_rows(append(*model_, id, 17, 48), 17, "after cancels");
}

TEST_P(BitEquality, UnderAHostThatFlushesToZero) {
  const std::uint64_t saved = control_word();
  set_control_word(saved | kFlushAndTruncate);
  const auto rows = testing::all_rows(*model_, tokens_, options_);
  const std::uint64_t after = control_word();
  set_control_word(saved);
  EXPECT_EQ(after & kFlushAndTruncate, kFlushAndTruncate) << "the host's control word must be restored";
  expect_rows(rows, 0, "flush to zero");
}

TEST_P(BitEquality, DamagedOrForeignStateIsRefused) {
  const SequenceId id = sequence(*model_);
  ASSERT_TRUE(append(*model_, id, 0, 10));
  std::vector<std::byte> saved;
  ASSERT_TRUE(model_->export_state(id, [&](std::span<const std::byte> bytes) -> Status {
    saved.insert(saved.end(), bytes.begin(), bytes.end());
    return {};
  }));
  const auto refused = [&](std::vector<std::byte> bytes) {
    const auto result = model_->import_state(bytes, options_);
    return !result && result.error().code == ErrorCode::kStateMismatch;
  };
  for (std::size_t cut = 0; cut < saved.size(); cut += cut < 100 ? 1 : saved.size() / 50 + 1) {
    EXPECT_TRUE(refused({saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(cut)})) << "cut at " << cut;
  }
  for (std::size_t at = 0; at < saved.size(); at += at < 100 ? 1 : saved.size() / 100 + 1) {
    auto damaged = saved;
    damaged[at] ^= std::byte{0x10};
    EXPECT_TRUE(refused(damaged)) << "flipped a bit at " << at;
  }
  auto longer = saved;
  longer.push_back(std::byte{0});
  EXPECT_TRUE(refused(longer));
}

INSTANTIATE_TEST_SUITE_P(, BitEquality, ::testing::ValuesIn(testing::decoder_cases()),
                         [](const auto& test) { return testing::test_name(test.param.name()); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BitEquality);

}  // namespace
}  // namespace hearth
