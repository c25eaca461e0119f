// Matrices of one layer's size, larger together than the caches, one after the other.
#include "measure/decode_rates.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "measure/median.h"
#include "measure/stopwatch.h"

namespace hearth::measure {

namespace {

constexpr std::size_t kProbeBytes = std::size_t{128} << 20, kProbeWidth = 2048;
constexpr std::size_t kMatrixBytes = std::size_t{4} << 20;  // of one call, as a layer's matrices are

/// Operands of every kind: what they hold does not change the speed.
class Operands {
 public:
  static Result<Operands> make(int n_threads) {
    Operands o;
    HEARTH_TRY(o.weights_, AlignedBuffer::make(kProbeBytes));
    o.scratch_each_ = kernels::matmul_scratch_bytes(kProbeWidth);
    HEARTH_TRY(o.scratch_, AlignedBuffer::make(o.scratch_each_ * static_cast<std::size_t>(n_threads)));
    std::memset(o.weights_.data(), 0x2c, kProbeBytes);
    o.out_.resize(kProbeBytes / kProbeWidth * 4);  // the smallest row has half a byte per element
    return o;
  }

  double read_gb_s(const kernels::KernelTable& kernels, ThreadPool& pool, double seconds) {
    constexpr std::size_t kChunk = std::size_t{1} << 20;
    std::atomic<std::uint64_t> sink = 0;
    double best = 0;
    for (const auto read : {kernels.read_stream, kernels.read_four_streams}) {
      best = std::max(best, usual_rate(seconds / 2, [&] {
                        pool.parallel_for(kProbeBytes / kChunk, [&](std::size_t i, int) {
                          sink.fetch_xor(read(weights_.data() + i * kChunk, kChunk));
                        });
                        return kProbeBytes;
                      }));
    }
    return best;
  }

  double type_gb_s(const kernels::KernelTable& kernels, ThreadPool& pool, DType type, double seconds) {
    const std::size_t panel = kernels::panel_bytes(type, kProbeWidth), n_panels = kMatrixBytes / panel;
    kernels::ActRows x{.kind = kernels::act_kind(type), .m = 1, .k = kProbeWidth};
    x.values = values_.data();
    x.value_stride = kProbeWidth;
    x.codes = codes_.data();
    x.scales = scales_.data();
    x.sums = sums_.data();
    const std::size_t n_chunks = 4 * static_cast<std::size_t>(pool.n_threads());
    const kernels::MatmulFn matmul = kernels.matmul[static_cast<std::size_t>(type)];
    return usual_rate(seconds, [&] {
      std::size_t done = 0;
      for (; done + n_panels * panel <= kProbeBytes; done += n_panels * panel) {
        const kernels::PackedMatrix matrix{type, n_panels * kernels::kPanelRows, kProbeWidth, weights_.data() + done};
        pool.parallel_for(n_chunks, [&](std::size_t chunk, int worker) {
          matmul(matrix, x, n_panels * chunk / n_chunks, n_panels * (chunk + 1) / n_chunks, out_.data(), matrix.n,
                 scratch_.data() + scratch_each_ * static_cast<std::size_t>(worker));
        });
      }
      return done;
    });
  }

 private:
  /// The median of passes: neighbours disturb some, and the next minutes will have neighbours too.
  template <typename Pass>
  static double usual_rate(double seconds, const Pass& pass) {
    std::vector<double> rates;
    const auto start = Clock::now();
    pass();  // threads and pages wake up
    do {
      const auto begun = Clock::now();
      const std::size_t n_bytes = pass();
      rates.push_back(static_cast<double>(n_bytes) / seconds_since(begun) / 1e9);
    } while (seconds_since(start) < seconds || rates.size() < 3);
    return median(std::move(rates));
  }

  AlignedBuffer weights_, scratch_;
  std::size_t scratch_each_ = 0;
  std::vector<float> out_, values_ = std::vector<float>(kProbeWidth, 0.5f),
                           scales_ = std::vector<float>(kProbeWidth / 32, 0.01f);
  std::vector<std::int8_t> codes_ = std::vector<std::int8_t>(kProbeWidth, 3);
  std::vector<std::int32_t> sums_ = std::vector<std::int32_t>(kProbeWidth / 16, 48);
};

}  // namespace

Result<DecodeRates> measure_decode_rates(const kernels::KernelTable& kernels, ThreadPool& pool,
                                         std::span<const DType> types, double seconds) {
  HEARTH_TRY(Operands operands, Operands::make(pool.n_threads()));
  DecodeRates rates{.n_threads = pool.n_threads()};
  const double each = seconds / static_cast<double>(types.size() + 1);
  rates.read_gb_s = operands.read_gb_s(kernels, pool, each);
  for (const DType type : types) {
    if (kernels::is_matrix_type(type) && kernels.matmul[static_cast<std::size_t>(type)])
      rates.type_gb_s[type] = operands.type_gb_s(kernels, pool, type, each);
  }
  return rates;
}

}  // namespace hearth::measure
