// SIGINT. A handler can reach nothing but a global, so this is the one global variable of the command line.
#include "cli/interrupt.h"

#include <csignal>

namespace hearth::cli {

namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

void on_interrupt(int) {
  interrupt_seen = 1;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_seen = 0;
  before_ = std::signal(SIGINT, on_interrupt);
}

InterruptGuard::~InterruptGuard() {
  if (before_ != SIG_ERR) std::signal(SIGINT, before_);
}

bool InterruptGuard::interrupted() const {
  return interrupt_seen != 0;
}

}  // namespace hearth::cli
