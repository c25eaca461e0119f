// A line that is written over.
#include "cli/load_progress.h"

#include "cli/console.h"

#include <fmt/format.h>

namespace hearth::cli {

void LoadProgress::show(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  if (shown_ == Shown::kNo || total_bytes == 0 || Clock::now() < next_) return;
  next_ = Clock::now() + std::chrono::milliseconds(100);
  note_progress(fmt::format("\rloading {:3} %", 100 * done_bytes / total_bytes));
  visible_ = true;
}

void LoadProgress::finish() {
  if (visible_) note_progress("\r             \r");
  visible_ = false;
}

}  // namespace hearth::cli
