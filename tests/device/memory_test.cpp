// The machine's memory as the system tells it.
#include "device/memory.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Memory, NumbersAreSane) {
  const MemoryState state = read_memory_state();
  EXPECT_GT(state.total_bytes, 64ull << 20);
  EXPECT_GT(state.available_bytes, 0u);
  EXPECT_LE(state.available_bytes, state.total_bytes);
  if (state.group_limit_bytes) {
    EXPECT_LT(*state.group_limit_bytes, state.total_bytes);
  }
}

TEST(Memory, AGroupsLimitMayBeNearer) {
  EXPECT_EQ(usable_memory_bytes({.total_bytes = 100, .available_bytes = 60}), 60u);
  EXPECT_EQ(
      usable_memory_bytes({.total_bytes = 100, .available_bytes = 60, .group_limit_bytes = 50, .group_used_bytes = 20}),
      30u);
  EXPECT_EQ(
      usable_memory_bytes({.total_bytes = 100, .available_bytes = 60, .group_limit_bytes = 50, .group_used_bytes = 70}),
      0u);
}

TEST(Memory, LimitsAreRead) {
  const ProcessLimits limits = read_process_limits();
  if (limits.open_files) {
    EXPECT_GT(*limits.open_files, 2u);
  }
  if (limits.cpu_quota) {
    EXPECT_GT(*limits.cpu_quota, 0.0);
  }
}

}  // namespace
}  // namespace hearth
