// A host's rounding mode and flush-to-zero neither reach our arithmetic nor get lost by it.
#include "base/fp_environment.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cstdint>
#include <limits>

#include "base/thread_pool.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace hearth {
namespace {

float smallest_normal_halved() {
  volatile float x = std::numeric_limits<float>::min();
  return x * 0.5f;
}

float third() {
  volatile float one = 1.0f;
  return one / 3.0f;
}

void set_flush_to_zero() {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" ::"r"(std::uint64_t{1} << 24));
#endif
}

TEST(FpEnvironment, FlushToZeroIsSuspendedAndRestored) {
  const ScopedFpEnvironment host;  // puts everything back after the test
  set_flush_to_zero();
  ASSERT_EQ(smallest_normal_halved(), 0.0f);
  {
    const ScopedFpEnvironment ours;
    EXPECT_GT(smallest_normal_halved(), 0.0f);
  }
  EXPECT_EQ(smallest_normal_halved(), 0.0f);
}

TEST(FpEnvironment, RoundingIsToNearestInsideAndTheHostsOutside) {
  const ScopedFpEnvironment host;
  const float nearest = third();
  ASSERT_EQ(std::fesetround(FE_DOWNWARD), 0);
  const float down = third();
  ASSERT_LT(down, nearest);
  {
    const ScopedFpEnvironment ours;
    EXPECT_EQ(third(), nearest);
  }
  EXPECT_EQ(third(), down);
}

TEST(FpEnvironment, PoolThreadsAndCallerComputeAlike) {
  const ScopedFpEnvironment host;
  set_flush_to_zero();
  ThreadPool pool(3);
  float results[64] = {};
  pool.parallel_for(64, [&](std::size_t i, int) { results[i] = smallest_normal_halved(); });
  // By bits: this thread still takes denormals for zero.
  for (const float result : results) EXPECT_EQ(std::bit_cast<std::uint32_t>(result), 0x400000u);
  EXPECT_EQ(smallest_normal_halved(), 0.0f);
}

}  // namespace
}  // namespace hearth
