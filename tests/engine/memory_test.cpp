// What loading costs and unloading gives back, measured on the process: one copy of the weights, nothing left behind;
// and several models in one process that never meet.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "golden/golden.h"
#include "synthetic_model.h"

namespace hearth {
namespace {

/// "VmRSS" or "VmHWM" of this process in bytes.
std::uint64_t memory_of_process(const char* what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what)) return std::stoull(line.substr(line.find(':') + 1)) * 1024;
  }
  return 0;
}

void reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

/// This process may have so many bytes of addresses while it lives. An emulator may take that for a wish.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::uint64_t n_bytes) {
    rlimit tight{}, now{};
    if (getrlimit(RLIMIT_AS, &before_) != 0) return;
    tight = {.rlim_cur = n_bytes, .rlim_max = before_.rlim_max};
    holds_ = setrlimit(RLIMIT_AS, &tight) == 0 && getrlimit(RLIMIT_AS, &now) == 0 && now.rlim_cur == n_bytes;
  }
  ~MemoryLimit() { setrlimit(RLIMIT_AS, &before_); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  rlimit before_{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  bool holds_ = false;
};

class Memory : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's shadow memory hides what is measured";
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    GTEST_SKIP() << "a sanitizer's shadow memory hides what is measured";
#endif
#endif
    folder_ = std::filesystem::temp_directory_path() / ("hearth_memory_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(Memory, OneCopyWhileLoadedNothingAfterUnload) {
  const testing::SyntheticShape shape;
  const std::uint64_t tensor_bytes = testing::write_synthetic_llama(folder_ / "model.gguf", shape, 1);
  ASSERT_GT(tensor_bytes, 64u << 20);
  const std::uint64_t before = memory_of_process("VmRSS");
  if (before == 0) GTEST_SKIP() << "/proc/self/status does not tell the memory of this process";
  for (int round = 0; round < 3; ++round) {
    reset_peak();
    auto model = native::NativeModel::open(folder_ / "model.gguf", {.n_threads = 2});
    ASSERT_TRUE(model) << model.error().message;
    std::vector<Token> tokens(600);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i * 7 % shape.vocab);
    const SequenceId id = (*model)->create_sequence({.n_ctx = 1024}).value();
    const Item item{.sequence = id, .tokens = tokens};
    const Want want{.row = tokens.size() - 1};
    RowCollector rows;
    ASSERT_TRUE((*model)->evaluate({&item, 1}, {&want, 1}, rows));
    const std::uint64_t kv_bytes = (*model)->info().kv_bytes_per_token * 768;
    const std::uint64_t bound = tensor_bytes + tensor_bytes * 3 / 100 + kv_bytes + (96u << 20);
    EXPECT_LE(memory_of_process("VmHWM") - before, bound) << "tensors " << tensor_bytes << ", kv " << kv_bytes;
    model->reset();
    EXPECT_LE(memory_of_process("VmRSS"), before + (24u << 20)) << "round " << round;
  }
}

TEST_F(Memory, FailedLoadLeavesTheOtherModelAlone) {
  testing::write_synthetic_llama(folder_ / "good.gguf",
                                 {.dim = 256, .ffn = 512, .n_layers = 2, .n_heads = 4, .n_kv_heads = 2}, 2);
  std::filesystem::copy_file(folder_ / "good.gguf", folder_ / "short.gguf");
  auto good = native::NativeModel::open(folder_ / "good.gguf", {.n_threads = 2});
  ASSERT_TRUE(good) << good.error().message;
  const std::vector<Token> tokens = {1, 5, 9, 200, 33};
  const auto first = testing::all_rows(**good, tokens, {.n_ctx = 64});
  ASSERT_TRUE(first);
  std::filesystem::resize_file(folder_ / "short.gguf", std::filesystem::file_size(folder_ / "short.gguf") / 2);
  const auto bad = native::NativeModel::open(folder_ / "short.gguf", {.n_threads = 2});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kCorruptedModel) << bad.error().message;
  EXPECT_EQ(testing::all_rows(**good, tokens, {.n_ctx = 64}).value(), *first);
}

TEST_F(Memory, ALoadThatIsStoppedEndsThereAndKeepsNoCache) {
  const auto path = folder_ / "stopped.gguf";
  testing::write_synthetic_llama(path, {.dim = 256, .ffn = 512, .n_layers = 4, .n_heads = 4, .n_kv_heads = 2}, 2);
  native::Options options = {.n_threads = 2};
  options.load.cache = CacheOptions{.folder = folder_ / "cache"};
  int n_calls = 0;
  options.load.progress = [&](std::uint64_t, std::uint64_t) { return ++n_calls < 5; };
  const auto stopped = native::NativeModel::open(path, options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled) << stopped.error().message;
  EXPECT_EQ(n_calls, 5);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache", ignored))
    EXPECT_NE(entry.path().extension(), ".packed") << entry.path();
  options.load.progress = {};
  EXPECT_TRUE(native::NativeModel::open(path, options));
}

TEST_F(Memory, AContextThatCannotBeMadeIsSaidAndHarmsNone) {
  const auto path = testing::data_path("golden/arch/mamba/model.gguf");
  if (const auto why = testing::missing(path)) GTEST_SKIP() << *why;
  auto model = native::NativeModel::open(path, {.n_threads = 1});
  ASSERT_TRUE(model) << model.error().message;
  const std::vector<Token> tokens = {1, 5, 9};
  const auto first = testing::all_rows(**model, tokens, {.n_ctx = 64});
  ASSERT_TRUE(first);
  std::vector<SequenceId> made;
  made.reserve(1u << 13);
  Result<SequenceId> next = 0;
  {
    const MemoryLimit limit(memory_of_process("VmSize") + (16u << 20));
    if (!limit.holds()) GTEST_SKIP() << "this system limits no process's memory";
    next = (*model)->create_sequence({.n_ctx = 64});
    while (next && made.size() < made.capacity()) {
      made.push_back(*next);
      next = (*model)->create_sequence({.n_ctx = 64});
    }
  }
  ASSERT_FALSE(next) << made.size() << " contexts in 16 MiB";
  EXPECT_EQ(next.error().code, ErrorCode::kContextCreationFailed) << next.error().message;
  EXPECT_NE(next.error().message.find("no memory for its state"), std::string::npos) << next.error().message;
  for (const SequenceId id : made) (*model)->destroy_sequence(id);
  EXPECT_EQ(testing::all_rows(**model, tokens, {.n_ctx = 64}).value(), *first);
}

TEST_F(Memory, ModelsSharingAPoolNeverMeet) {
  const auto pool = std::make_shared<ThreadPool>(2);
  std::vector<std::unique_ptr<native::NativeModel>> models;
  std::vector<std::vector<float>> alone;
  const std::vector<Token> tokens = {3, 1, 4, 1, 5, 9, 2, 6};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto path = folder_ / ("m" + std::to_string(i) + ".gguf");
    testing::write_synthetic_llama(
        path, {.dim = 128 * (i + 1), .ffn = 256, .n_layers = i + 1, .n_heads = 4, .n_kv_heads = 2}, i);
    auto model = native::NativeModel::open(path, {.pool = pool});
    ASSERT_TRUE(model) << model.error().message;
    alone.push_back(testing::all_rows(**model, tokens, {.n_ctx = 64}).value());
    models.push_back(std::move(*model));
  }
  std::vector<std::thread> threads;
  std::atomic<int> n_wrong = 0;
  for (std::size_t i = 0; i < models.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        if (testing::all_rows(*models[i], tokens, {.n_ctx = 64}).value() != alone[i]) ++n_wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_wrong.load(), 0);
}

}  // namespace
}  // namespace hearth
