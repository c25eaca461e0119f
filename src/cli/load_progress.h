// How far loading is, on a terminal.
#pragma once

#include <chrono>
#include <cstdint>

namespace hearth::cli {

/// Shows itself only when loading takes long enough to be noticed.
class LoadProgress {
 public:
  enum class Shown : std::uint8_t { kNo, kYes };
  explicit LoadProgress(Shown shown) : shown_(shown) {}

  void show(std::uint64_t done_bytes, std::uint64_t total_bytes);
  /// Takes the line away.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  Shown shown_;
  Clock::time_point next_ = Clock::now() + std::chrono::milliseconds(300);
  bool visible_ = false;
};

}  // namespace hearth::cli
