// Each cause is found and named with its code, and a healthy model on a healthy machine has none.
#include "library/care/diagnosis.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "file/temporary_folder.h"
#include "synthetic_model.h"

namespace hearth::care {
namespace {

constexpr std::uint64_t kGiB = 1u << 30;

Machine healthy() {
  return {.memory = {.total_bytes = 16 * kGiB, .available_bytes = 12 * kGiB},
          .strain = {.memory_wait = 0.0, .io_wait = 0.0, .load_average = 0.3, .heat_events = 0},
          .cores = {.big = 4, .physical = 4, .logical = 8},
          .n_threads = 4};
}

bool has(const std::vector<Finding>& findings, ErrorCode code) {
  return std::ranges::any_of(findings, [&](const Finding& f) { return f.code == code && !f.cure.empty(); });
}

TEST(Diagnosis, AHealthyMachineHasNoFindings) {
  EXPECT_TRUE(diagnose_machine(healthy()).empty());
  EXPECT_TRUE(diagnose_machine({}).empty()) << "what is not known is no fault";
}

TEST(Diagnosis, EveryCauseOfSlownessIsNamed) {
  const auto found = [](const auto& change) {
    Machine machine = healthy();
    change(machine);
    return diagnose_machine(machine);
  };
  EXPECT_TRUE(has(found([](Machine& m) { m.strain.memory_wait = 40; }), ErrorCode::kMemoryPressure));
  EXPECT_TRUE(has(found([](Machine& m) { m.strain.io_wait = 50; }), ErrorCode::kSlowStorage));
  EXPECT_TRUE(has(found([](Machine& m) { m.cpu.temperature = 99; }), ErrorCode::kThermalThrottling));
  EXPECT_TRUE(has(found([](Machine& m) { m.strain.heat_events = 7; }), ErrorCode::kThermalThrottling));
  EXPECT_TRUE(has(found([](Machine& m) { m.limits.cpu_quota = 1.5; }), ErrorCode::kBackgroundThrottling));
  EXPECT_TRUE(has(found([](Machine& m) { m.strain.load_average = 20; }), ErrorCode::kBusy));
  EXPECT_TRUE(has(found([](Machine& m) { m.n_threads = 64; }), ErrorCode::kInvalidArgument));
}

TEST(Diagnosis, FilesThatAreNoModels) {
  const testing::TemporaryFolder folder;
  const auto found = [&](const std::filesystem::path& path) {
    return diagnose_model({.path = path, .read_seconds = 0}, healthy());
  };
  EXPECT_TRUE(has(found(folder.path() / "missing.gguf"), ErrorCode::kFileNotFound));
  EXPECT_TRUE(has(found(folder.write("page.gguf", "<html>")), ErrorCode::kInvalidFile));
  EXPECT_TRUE(has(found(folder.write("torch.bin", "\x80\x02...")), ErrorCode::kUnsupportedFormat));
  EXPECT_TRUE(has(found(folder.write("cut.gguf", std::string("GGUF\x03\0\0\0", 8))), ErrorCode::kCorruptedModel));
}

TEST(Diagnosis, ModelsThatDoNotFitOrHaveHoles) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "model.gguf";
  ASSERT_GT(
      testing::write_synthetic_llama(path, {.dim = 256, .ffn = 512, .n_layers = 2, .n_heads = 4, .n_kv_heads = 2}, 3),
      0u);
  ModelQuestion question{.path = path, .read_seconds = 0};
  const auto whole = diagnose_model(question, healthy());
  EXPECT_FALSE(has(whole, ErrorCode::kCorruptedModel));
  EXPECT_FALSE(has(whole, ErrorCode::kInsufficientMemory));
  question.running.n_ctx = 1u << 28;
  EXPECT_TRUE(has(diagnose_model(question, healthy()), ErrorCode::kInsufficientMemory));
  question.running.n_ctx = 0;
  Machine full = healthy();
  full.memory.available_bytes = 1 << 20;
  EXPECT_TRUE(has(diagnose_model(question, full), ErrorCode::kInsufficientMemory));
  question.deaths = Deaths{.last = {.model = path.string()}, .n = 1};
  EXPECT_TRUE(has(diagnose_model(question, healthy()), ErrorCode::kLoadFailed));

  const std::uint64_t size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size / 2);
  EXPECT_TRUE(has(diagnose_model(question, healthy()), ErrorCode::kCorruptedModel)) << "cut short";
  std::filesystem::resize_file(path, size);
  EXPECT_TRUE(has(diagnose_model(question, healthy()), ErrorCode::kCorruptedModel)) << "a hole of zeros";
}

}  // namespace
}  // namespace hearth::care
