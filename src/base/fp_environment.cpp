// The control word: MXCSR on x86-64, FPCR on arm64.
#include "base/fp_environment.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace hearth {

#if defined(__x86_64__)
ScopedFpEnvironment::ScopedFpEnvironment() : saved_(_mm_getcsr()) {
  _mm_setcsr(0x1f80);
}
ScopedFpEnvironment::~ScopedFpEnvironment() {
  _mm_setcsr(static_cast<unsigned>(saved_));
}
#elif defined(__aarch64__)
ScopedFpEnvironment::ScopedFpEnvironment() {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("msr fpcr, %0" ::"r"(std::uint64_t{0}));
}
ScopedFpEnvironment::~ScopedFpEnvironment() {
  asm volatile("msr fpcr, %0" ::"r"(saved_));
}
#else
ScopedFpEnvironment::ScopedFpEnvironment() : saved_(0) {}
ScopedFpEnvironment::~ScopedFpEnvironment() = default;
#endif

}  // namespace hearth
