// Runs each case once inside hearth_counted(), so that callgrind can count its instructions: a check of speed that is
// the same on every machine. instruction_counts.py starts it; alone it prints its compiler and its cases.
#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/native/native_model.h"
#include "kernel_cases.h"
#include "library/synthetic.h"
#include "sample/sampler.h"

/// What callgrind looks for: one call per case.
extern "C" __attribute__((noinline)) void hearth_counted(const std::function<void()>& run) {
  run();
  asm volatile("");  // no tail call: its end ends the count
}

namespace {

using namespace hearth;  // NOLINT: a program of one file

/// callgrind knows no instruction set beyond it.
constexpr const char* kTable = "avx2";

void count(const std::string& name, const std::function<void()>& run) {
  std::printf("%s\n", name.c_str());
  hearth_counted(run);
}

void count_kernels(const kernels::KernelTable& table) {
  for (const DType type : {DType::kQ4_K, DType::kQ6_K, DType::kQ4_0, DType::kQ8_0}) {
    const bench::PackedWeights weights(type, 256, 2048);
    for (const std::size_t columns : {1, 4, 64}) {
      bench::MatmulCase matmul(table, weights, columns);
      count("matmul " + std::string(dtype_info(type).name) + ", " + std::to_string(columns) +
                (columns == 1 ? " column" : " columns"),
            [&] { matmul.run(); });
    }
  }
  bench::AttentionCase decode(table, kernels::KvType::kF16, 128, 4), prefill(table, kernels::KvType::kF16, 128, 64);
  count("attention, 4 rows", [&] { decode.run(); });
  count("attention, 64 rows", [&] { prefill.run(); });
  for (const bench::RowCase::Named& named : bench::RowCase::kAll) {
    bench::RowCase row(table, named.kernel, 8192);
    count(named.name, [&] { row.run(); });
  }
}

bool count_sampling() {
  constexpr std::size_t kVocab = 150'000;
  std::mt19937 random(17);
  const std::vector<float> logits = kernels::testing::random_values(kVocab, random);
  SamplerOptions usual, whole;
  whole.top_k = 0;
  const std::pair<const char*, SamplerOptions> all[] = {{"sampling, default options", usual},
                                                        {"sampling without top_k", whole}};
  for (const auto& [name, options] : all) {
    const auto sampler = sample::Sampler::make(options, kVocab);
    if (!sampler) return false;
    bool drawn = false;
    count(name, [&] {
      drawn =
          sampler->sample({.logits = logits, .recent = {}, .position = 1, .allowed = {}, .mirostat = {}}).has_value();
    });
    if (!drawn) return false;
  }
  return true;
}

/// One token of a small model at depth 300: everything between the kernels.
Status count_decode_step() {
  const synthetic::Shape shape{"small", "llama", 4,    512,  1024, 8,
                               2,       64,      4096, 1024, 1e4f, synthetic::Shape::Output::kTied};
  HEARTH_TRY(const auto file, synthetic::make_model(shape, *quantize::find_mix("Q4_K_M")));
  native::Options options;
  options.n_threads = 1;
  options.isa = kTable;
  HEARTH_TRY(const auto model, native::NativeModel::load(*file, options));
  HEARTH_TRY(const SequenceId sequence, model->create_sequence({.n_ctx = 512}));
  const std::vector<Token> tokens(300, 5);
  RowCollector sink;
  const auto append = [&](std::size_t n) {
    const Item item{.sequence = sequence, .tokens = std::span(tokens).first(n)};
    const Want want{.row = n - 1};
    return model->evaluate({&item, 1}, {&want, 1}, sink);
  };
  HEARTH_CHECK(append(300));
  HEARTH_CHECK(append(1));  // what is made at the first step is no part of a step
  Status status;
  count("decode step", [&] { status = append(1); });
  return status;
}

}  // namespace

int main() {
  std::printf("%s\n", HEARTH_COMPILER);
  const kernels::KernelTable* table = kernels::find_table(kTable);
  if (table == nullptr || !table->supported(detect_cpu_features())) {
    std::fprintf(stderr, "this CPU has no %s, whose instructions are counted\n", kTable);
    return 77;
  }
  count_kernels(*table);
  const Status step = count_decode_step();
  if (!step) std::fprintf(stderr, "%s\n", step.error().message.c_str());
  return count_sampling() && step ? 0 : 1;
}
