// Ctrl-C while a reply is written: the first one asks politely, the second one ends the program.
#pragma once

namespace hearth::cli {

/// While one exists, Ctrl-C sets a flag instead of ending the process. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] bool interrupted() const;

 private:
  void (*before_)(int);
};

}  // namespace hearth::cli
