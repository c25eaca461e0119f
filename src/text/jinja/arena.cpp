// Chunks of the arena, and its limits.
#include "text/jinja/arena.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/thread_clock.h"

namespace hearth::text::jinja {

namespace {
constexpr std::size_t kChunkBytes = std::size_t{16} << 10;
constexpr std::size_t kLargestChunkBytes = std::size_t{1} << 20;
constexpr std::uint64_t kStepsPerLook = 2048;  // a look costs a system call
}  // namespace

Arena::Arena(const Limits& limits) : limits_(limits) {
  if (limits.cpu == std::chrono::nanoseconds::max()) return;
  started_ = thread_cpu_time();
}

void Arena::look_at_clock() {
  if (n_steps_ > limits_.n_steps) throw_fuel(fmt::format("it takes more than {} steps", limits_.n_steps));
  next_look_ = std::min(n_steps_ + kStepsPerLook, std::max(limits_.n_steps, n_steps_) + 1);
  if (limits_.cpu == std::chrono::nanoseconds::max() || thread_cpu_time() - started_ <= limits_.cpu) return;
  throw_fuel(fmt::format("it takes more than {} ms of processor time",
                         std::chrono::duration_cast<std::chrono::milliseconds>(limits_.cpu).count()));
}

void Arena::throw_limit() const {
  throw_fuel(fmt::format("its values take more than {} bytes of memory", limits_.n_bytes));
}

void* Arena::allocate_chunk(std::size_t n_bytes) {
  if (n_bytes > limits_.n_bytes - used_bytes_) throw_limit();
  const std::size_t usual = std::min(kChunkBytes << std::min<std::size_t>(chunks_.size(), 6), kLargestChunkBytes);
  const std::size_t size = std::max(n_bytes, std::min(usual, limits_.n_bytes - used_bytes_));
  chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
  used_bytes_ += size;
  std::byte* at = chunks_.back().get();
  if (n_bytes > size / 2) return at;  // what is left of the chunk before stays in use
  next_ = at + n_bytes;
  left_ = size - n_bytes;
  return at;
}

}  // namespace hearth::text::jinja
