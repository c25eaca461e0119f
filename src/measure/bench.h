// How fast a model runs here: prompts and decoding at several depths and thread counts, beside the machine's limits
// measured in the same seconds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "file/model_file.h"
#include "hearth/language_model.h"
#include "kernels/table.h"
#include "measure/limits.h"
#include "measure/loop_cost.h"

namespace hearth::measure {

/// What tokens cost, from a model's header.
struct TokenWork {
  double weight_bytes = 0;  // that decoding reads, experts apart
  double expert_bytes = 0;  // of all experts
  double expert_share = 0;  // of the experts that one token uses
  /// By Arithmetic: multiplications and additions of a prompt's token, without the output matrix. Those with BF16
  /// weights are kBf16, until a model turns out to multiply them as floats.
  std::array<double, kArithmeticKinds> matrix_ops{};

  /// Weights that n tokens evaluated together read; experts as if each token chose its own at random.
  [[nodiscard]] double bytes_for(std::size_t n_tokens) const;
  [[nodiscard]] double all_matrix_ops() const;
  [[nodiscard]] TokenWork with_float_activations() const;
  /// "int8", or "int8+float" where weights are of both kinds.
  [[nodiscard]] std::string arithmetic_names() const;
};
/// An embedding table that is not also the output matrix is read by rows and does not count.
TokenWork work_per_token(const ModelFile& file);

struct BenchOptions {
  std::vector<std::size_t> prompts;        // tokens of a prompt at once; empty: 512, or half of a shorter context
  std::vector<std::size_t> depths = {0};   // positions before decoding starts
  std::size_t n_decode = 0;                // 0: 64, or a quarter of a shorter context
  std::vector<std::size_t> streams = {1};  // sequences that decode together
  std::vector<std::size_t> verify;         // drafted tokens that are verified at once, beside the token that is known
  std::vector<int> threads;
  int rounds = 5;
  KvStorage kv = KvStorage::kF16;
  std::size_t ubatch = 512;
  const kernels::KernelTable* kernels = nullptr;  // whose limits are measured
  CancelCheck cancelled;
  std::function<void(const std::string& what)> progress;
};

struct BenchRow {
  std::string test;  // pp512, tg64, tg64@4096, tg64x8 (8 sequences, tokens of all), vf5 (4 drafted tokens and one)
  int threads = 0;
  double tok_s = 0, tok_s_min = 0, tok_s_max = 0;  // median, slowest and fastest round
  double gb_s = 0, limit_gb_s = 0;                 // decoding: weights and keys read, and what reading could be
  double gop_s = 0, limit_gop_s = 0;               // prompts: operations of matrices, and the peak for their operands
  double of_one_token = 0;                         // verifying: its time over that of decoding one token
};

struct BenchReport {
  std::vector<BenchRow> rows;
  std::vector<LoopCost> loops;  // per thread count; empty for a model that writes no text
  double load_s = 0;            // opening the model, first time
  double first_token_s = 0;     // the first logits of an 8-token prompt after that
  std::uint64_t weight_bytes = 0;
  std::uint64_t peak_memory_bytes = 0;  // of the process; 0 where the system does not say
  std::string engine, isa;
  std::uint32_t recipe_id = 0;
  std::string arithmetic;  // of prompts, see TokenWork::arithmetic_names
};

/// Loads the model into a pool. Called once per thread count.
using ModelOpener = std::function<Result<std::unique_ptr<LanguageModel>>(std::shared_ptr<ThreadPool> pool)>;

Result<BenchReport> run_bench(const ModelOpener& open, const TokenWork& work, const BenchOptions& options);

/// Speed over time under load, one point per interval.
struct SustainPoint {
  double seconds = 0, tok_s = 0;
  double clock_mhz = 0;    // mean of the cores; 0 where unknown
  double temperature = 0;  // degrees Celsius of the hottest sensor; 0 where unknown
};
/// Decodes for that long on options.threads.front() threads.
Result<std::vector<SustainPoint>> run_sustained(const ModelOpener& open, double seconds, const BenchOptions& options);

}  // namespace hearth::measure
