// A host application may run with flush-to-zero or another rounding mode; results must not depend on it.
#pragma once

#include <cstdint>

namespace hearth {

/// Sets this thread's floating-point control word to IEEE defaults, and restores the host's on destruction.
class ScopedFpEnvironment {
 public:
  ScopedFpEnvironment();
  ~ScopedFpEnvironment();
  ScopedFpEnvironment(const ScopedFpEnvironment&) = delete;
  ScopedFpEnvironment& operator=(const ScopedFpEnvironment&) = delete;

 private:
  std::uint64_t saved_;
};

}  // namespace hearth
