// Ctrl-C during long work: the first one asks politely, the second one ends the program.
#pragma once

#include <memory>

namespace hearth::cli {

/// While one exists, Ctrl-C sets a flag instead of ending the process. For programs, not for libraries: the handler
/// belongs to the process. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] bool interrupted() const;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace hearth::cli
