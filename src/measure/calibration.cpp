// Calibration: short trials of the real kernels.
#include "measure/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/aligned_buffer.h"
#include "base/cpu_features.h"
#include "base/thread_pool.h"
#include "kernels/table.h"
#include "measure/stopwatch.h"

namespace hearth::measure {

namespace {

constexpr std::size_t kRows = 256, kWidth = 2048, kManyColumns = 64;
constexpr double kTrialSeconds = 0.02;
constexpr std::size_t kReadBytes = std::size_t{96} << 20, kReadChunk = std::size_t{1} << 20;
constexpr double kAsGood = 0.97;  // within the noise of a short trial

/// A matrix whose bytes all are 0x2c (as F16: 0.065) and activations to match; what they hold does not change the
/// speed.
class Product {
 public:
  static Result<Product> make() {
    Product p;
    HEARTH_TRY(p.weights_, AlignedBuffer::make(kernels::panel_bytes(kType, kWidth) * (kRows / kernels::kPanelRows)));
    HEARTH_TRY(p.scratch_, AlignedBuffer::make(kernels::matmul_scratch_bytes(kWidth)));
    std::memset(p.weights_.data(), 0x2c, p.weights_.size());
    p.codes_.assign(kManyColumns * kWidth, 3);
    p.scales_.assign(kManyColumns * kWidth / 256, 0.01f);
    p.sums_.assign(kManyColumns * kWidth / 16, 48);
    p.out_.resize(kManyColumns * kRows);
    return p;
  }

  double gop_s(const kernels::KernelTable& table, std::size_t columns) {
    const kernels::PackedMatrix w = {kType, kRows, kWidth, weights_.data()};
    kernels::ActRows x{.kind = kernels::ActKind::kI8x256, .m = columns, .k = kWidth};
    x.codes = codes_.data();
    x.scales = scales_.data();
    x.sums = sums_.data();
    const kernels::MatmulFn matmul = table.matmul[static_cast<std::size_t>(kType)];
    double best = 1e9;
    const auto start = Clock::now();
    do {
      const auto begun = Clock::now();
      matmul(w, x, 0, w.n_panels(), out_.data(), kRows, scratch_.data());
      best = std::min(best, seconds_since(begun));
    } while (seconds_since(start) < kTrialSeconds);
    return 2.0 * kRows * kWidth * static_cast<double>(columns) / best / 1e9;
  }

 private:
  static constexpr DType kType = DType::kQ4_K;
  AlignedBuffer weights_, scratch_;
  std::vector<std::int8_t> codes_;
  std::vector<float> scales_, out_;
  std::vector<std::int32_t> sums_;
};

double read_gb_s(const kernels::KernelTable& table, const AlignedBuffer& memory, int n_threads) {
  ThreadPool pool(n_threads);
  double best = 1e9;
  for (int pass = 0; pass < 4; ++pass) {
    const auto read = pass % 2 == 0 ? table.read_stream : table.read_four_streams;
    std::vector<std::uint64_t> sums(kReadBytes / kReadChunk);
    const auto begun = Clock::now();
    pool.parallel_for(sums.size(),
                      [&](std::size_t i, int) { sums[i] = read(memory.data() + i * kReadChunk, kReadChunk); });
    best = std::min(best, seconds_since(begun));
  }
  return static_cast<double>(kReadBytes) / best / 1e9;
}

}  // namespace

void choose(Calibration& calibration) {
  const auto both = [](const TableTrial& trial) {
    return std::sqrt(trial.one_column_gop_s * trial.many_columns_gop_s);
  };
  double best = 0;
  for (const TableTrial& trial : calibration.tables) best = std::max(best, both(trial));
  for (const TableTrial& trial : calibration.tables) {
    if (both(trial) >= kAsGood * best) calibration.isa = trial.isa;  // the last: the most capable
  }
  best = 0;
  for (const ThreadTrial& trial : calibration.threads) best = std::max(best, trial.read_gb_s);
  for (auto trial = calibration.threads.rbegin(); trial != calibration.threads.rend(); ++trial) {
    if (trial->read_gb_s >= kAsGood * best) calibration.n_threads = trial->n_threads;  // the last: the fewest
  }
}

Result<Calibration> calibrate(const CoreCounts& cores) {
  Calibration result;
  const CpuFeatures cpu = detect_cpu_features();
  HEARTH_TRY(Product product, Product::make());
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported(cpu) || (table->name == "scalar" && kernels::best_table(cpu).name != "scalar")) continue;
    result.tables.push_back({std::string(table->name), product.gop_s(*table, 1), product.gop_s(*table, kManyColumns)});
  }
  HEARTH_TRY(AlignedBuffer memory, AlignedBuffer::make(kReadBytes));
  std::memset(memory.data(), 1, memory.size());  // pages that were never written share one page of zeros
  for (const int n : std::set<int>{cores.big, cores.physical, cores.logical})
    result.threads.push_back({n, read_gb_s(kernels::best_table(cpu), memory, n)});
  choose(result);
  return result;
}

}  // namespace hearth::measure
