// Live bytes of operator new, so that tests can hold a parser to a memory budget. The operators themselves are in
// counted_allocations_test.cpp and serve the whole test program.
#pragma once

#include <cstddef>

namespace hearth::testing {

/// The most bytes alive at once since reset(), above those alive at reset(). Counts all threads.
class AllocationPeak {
 public:
  AllocationPeak() { reset(); }
  static void reset();
  [[nodiscard]] static std::size_t bytes();
};

}  // namespace hearth::testing
