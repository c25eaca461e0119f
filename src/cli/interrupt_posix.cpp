// SIGINT on POSIX. A handler can reach nothing but a global, so the flag is one.
#include <csignal>

#include "cli/interrupt.h"

namespace hearth::cli {

namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

void on_interrupt(int) {
  interrupt_seen = 1;
}

}  // namespace

struct InterruptGuard::Before {
  struct sigaction action{};
};

InterruptGuard::InterruptGuard() : before_(std::make_unique<Before>()) {
  interrupt_seen = 0;
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second Ctrl-C acts as if there were no guard
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before_->action);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &before_->action, nullptr);
}

bool InterruptGuard::interrupted() const {
  return interrupt_seen != 0;
}

}  // namespace hearth::cli
