// SIGINT on POSIX. A handler can reach nothing but a global, so the flag is one.
#include <csignal>

#include "cli/interrupt.h"

namespace hearth::cli {

namespace {

volatile std::sig_atomic_t interrupt_seen = 0;
struct sigaction action_before{};

void on_interrupt(int) {
  interrupt_seen = 1;
  sigaction(SIGINT, &action_before, nullptr);  // the second Ctrl-C acts as if there were no guard
}

}  // namespace

struct InterruptGuard::Before {
  struct sigaction action{};
};

InterruptGuard::InterruptGuard() : before_(std::make_unique<Before>()) {
  interrupt_seen = 0;
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, nullptr, &before_->action);
  action_before = before_->action;
  sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &before_->action, nullptr);
}

bool InterruptGuard::interrupted() const {
  return interrupt_seen != 0;
}

}  // namespace hearth::cli
