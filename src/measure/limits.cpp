// LimitProbe over the limits slots of a kernel table.
#include "measure/limits.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "measure/stopwatch.h"

namespace hearth::measure {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{512} << 20, kChunkBytes = std::size_t{1} << 20;
constexpr int kPasses = 4;

}  // namespace

Result<LimitProbe> LimitProbe::make(const kernels::KernelTable& kernels) {
  HEARTH_TRY(AlignedBuffer buffer, AlignedBuffer::make(kBufferBytes));
  std::memset(buffer.data(), 1, kBufferBytes);  // pages that were never written share one page of zeros
  return LimitProbe(kernels, std::move(buffer));
}

double LimitProbe::read_gb_s(ThreadPool& pool) const {
  std::atomic<std::uint64_t> sink = 0;
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto read = pass % 2 == 0 ? kernels_->read_stream : kernels_->read_four_streams;
    const auto start = Clock::now();
    pool.parallel_for(kBufferBytes / kChunkBytes, [&](std::size_t chunk, int) {
      sink.fetch_xor(read(buffer_.data() + chunk * kChunkBytes, kChunkBytes));
    });
    best = std::max(best, static_cast<double>(kBufferBytes) / seconds_since(start) / 1e9);
  }
  return best;
}

double LimitProbe::gop_s(ThreadPool& pool, Arithmetic arithmetic) const {
  constexpr std::uint64_t kRounds = 20'000;
  const std::size_t n_chunks = 32 * static_cast<std::size_t>(pool.n_threads());
  const auto work = arithmetic == Arithmetic::kInt8    ? kernels_->int8_work
                    : arithmetic == Arithmetic::kFloat ? kernels_->float_work
                                                       : kernels_->bf16_work;
  std::atomic<std::uint64_t> n_ops = 0;
  std::atomic<std::uint32_t> sink = 0;
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    n_ops = 0;
    const auto start = Clock::now();
    pool.parallel_for(n_chunks, [&](std::size_t, int) {
      std::uint32_t result = 0;
      n_ops.fetch_add(work(kRounds, &result));
      sink.fetch_xor(result);
    });
    best = std::max(best, static_cast<double>(n_ops.load()) / seconds_since(start) / 1e9);
  }
  return best;
}

}  // namespace hearth::measure
