// A thread that unloads models nobody uses any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "library/care/residency.h"

namespace hearth::care {

/// Looks once in `every` while it lives; `residency` outlives it.
class IdleCollector {
 public:
  IdleCollector(Residency& residency, std::chrono::milliseconds every)
      : thread_([this, &residency, every](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          while (!stop.stop_requested()) {
            residency.collect_idle();
            woken_.wait_for(lock, stop, every, [] { return false; });
          }
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::jthread thread_;  // last: it ends before what it waits with
};

}  // namespace hearth::care
