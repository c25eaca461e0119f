// How fast the native engine runs a 1B-class model with random weights, beside the memory bandwidth measured in the
// same run: prefill of 512 tokens and decode, tok/s and GB/s. Usage: engine_bench [Q4_K_M|Q4_0|Q8_0] [threads]
#include <atomic>
#include <chrono>
#include <cstdio>

#include "engine/native/native_model.h"
#include "synthetic_model.h"

namespace {

using namespace hearth;  // NOLINT: a program of one file
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Read bandwidth of all threads over a buffer far larger than the caches, best of several passes, in GB/s.
double read_bandwidth(ThreadPool& pool) {
  constexpr std::size_t kBytes = std::size_t{1} << 30, kChunk = std::size_t{1} << 20;
  auto buffer = AlignedBuffer::make(kBytes);
  if (!buffer) return 0;
  std::memset(buffer->data(), 1, kBytes);
  std::atomic<std::uint64_t> sink = 0;
  double best = 0;
  for (int pass = 0; pass < 4; ++pass) {
    const auto start = Clock::now();
    pool.parallel_for(kBytes / kChunk, [&](std::size_t chunk, int) {
      const auto* words = buffer->as<std::uint64_t>() + chunk * (kChunk / 8);
      std::uint64_t sums[8] = {};
      for (std::size_t i = 0; i < kChunk / 8; i += 8) {
        for (std::size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
      }
      sink += sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
    });
    best = std::max(best, static_cast<double>(kBytes) / seconds_since(start) / 1e9);
  }
  return best;
}

/// llama.cpp's Q4_K_M mix: the output table, and value and down matrices of about half the layers in Q6_K.
DType q4_k_m(const std::string& name, std::size_t n_layers) {
  if (name.starts_with("token_embd")) return DType::kQ6_K;
  if (name.find("attn_v") == std::string::npos && name.find("ffn_down") == std::string::npos) return DType::kQ4_K;
  const std::size_t l = std::stoul(name.substr(4));
  return l < n_layers / 8 || l >= 7 * n_layers / 8 || (l - n_layers / 8) % 3 == 2 ? DType::kQ6_K : DType::kQ4_K;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mix = argc > 1 ? argv[1] : "Q4_K_M";
  const int n_threads = argc > 2 ? std::stoi(argv[2]) : default_thread_count();
  testing::SyntheticShape shape{
      .dim = 2048, .ffn = 8192, .n_layers = 16, .n_heads = 32, .n_kv_heads = 8, .vocab = 128256, .n_ctx = 8192};
  shape.type = [&](const std::string& name) {
    return mix == "Q4_K_M" ? q4_k_m(name, shape.n_layers) : find_dtype(mix)->type;
  };
  if (mix != "Q4_K_M" && !find_dtype(mix)) {
    std::fprintf(stderr, "engine_bench: unknown type %s\n", mix.c_str());
    return 2;
  }
  const auto path = std::filesystem::temp_directory_path() / ("hearth_engine_bench_" + mix + ".gguf");
  const std::uint64_t bytes = testing::write_synthetic_llama(path, shape, 1);
  const auto pool = std::make_shared<ThreadPool>(n_threads);
  auto start = Clock::now();
  auto model = native::NativeModel::open(path, {.pool = pool});
  const double load_seconds = seconds_since(start);
  std::filesystem::remove(path);
  if (!model) {
    std::fprintf(stderr, "engine_bench: %s\n", model.error().message.c_str());
    return 1;
  }
  std::printf("llama 1B shape, %s, %.2f GB, %d threads, kernels %s, load %.2f s\n", mix.c_str(),
              static_cast<double>(bytes) / 1e9, n_threads, (*model)->info().isa.c_str(), load_seconds);

  const SequenceId id = (*model)->create_sequence({}).value();
  std::vector<Token> prompt(512);
  for (std::size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<Token>(i * 211 % shape.vocab);
  RowCollector rows;
  const auto run = [&](std::span<const Token> tokens) {
    const Item item{.sequence = id, .tokens = tokens};
    const Want want{.row = tokens.size() - 1};
    return (*model)->evaluate({&item, 1}, {&want, 1}, rows).has_value();
  };
  if (!run(std::span(prompt).first(8))) return 1;
  for (int round = 0; round < 3; ++round) {
    if (!(*model)->rewind(id, 0)) return 1;
    start = Clock::now();
    if (!run(prompt)) return 1;
    const double prefill = seconds_since(start);
    const double limit = read_bandwidth(*pool);
    constexpr int kDecode = 48;
    start = Clock::now();
    for (int i = 0; i < kDecode; ++i) {
      if (!run(std::span(prompt).subspan(static_cast<std::size_t>(i), 1))) return 1;
    }
    const double each = seconds_since(start) / kDecode;
    std::printf("pp512 %7.1f tok/s   tg%d %6.2f tok/s, %5.1f GB/s of %5.1f read (%.0f %%)\n", 512 / prefill, kDecode,
                1 / each, static_cast<double>(bytes) / each / 1e9, limit,
                100 * static_cast<double>(bytes) / each / 1e9 / limit);
  }
  return 0;
}
