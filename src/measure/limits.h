// What this machine can do at best right now: measured beside every benchmark, since machines differ and change.
#pragma once

#include <span>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/table.h"

namespace hearth::measure {

/// What a matrix product multiplies.
enum class Arithmetic : std::uint8_t { kInt8, kFloat, kBf16 };
inline constexpr std::size_t kArithmeticKinds = 3;

/// Buffers and kernels for measuring one machine; each measurement takes about a tenth of a second.
class LimitProbe {
 public:
  static Result<LimitProbe> make(const kernels::KernelTable& kernels);

  /// GB/s of all threads reading memory far larger than the caches, along one stream each or four, whichever is faster
  /// on this machine; the best of a few passes.
  [[nodiscard]] double read_gb_s(ThreadPool& pool) const;
  /// Billions of multiplications and additions per second, all threads, operands in registers.
  [[nodiscard]] double gop_s(ThreadPool& pool, Arithmetic arithmetic) const;

 private:
  LimitProbe(const kernels::KernelTable& kernels, AlignedBuffer buffer)
      : kernels_(&kernels), buffer_(std::move(buffer)) {}

  const kernels::KernelTable* kernels_;
  AlignedBuffer buffer_;
};

}  // namespace hearth::measure
