// The counting operator new of this test program, and proof that it counts.
#include "file/counted_allocations.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace {

std::atomic<std::size_t> live_bytes = 0;
std::atomic<std::size_t> peak_bytes = 0;
std::atomic<std::size_t> base_bytes = 0;

void* counted(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  const std::size_t now = live_bytes.fetch_add(malloc_usable_size(block)) + malloc_usable_size(block);
  std::size_t peak = peak_bytes.load();
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now)) {
  }
  return block;
}

void discount(void* block) {
  if (block == nullptr) return;
  live_bytes.fetch_sub(malloc_usable_size(block));
  std::free(block);
}

}  // namespace

void* operator new(std::size_t n) {
  return counted(std::malloc(n == 0 ? 1 : n));
}
void* operator new[](std::size_t n) {
  return counted(std::malloc(n == 0 ? 1 : n));
}
void* operator new(std::size_t n, std::align_val_t a) {
  const auto unit = static_cast<std::size_t>(a);
  return counted(std::aligned_alloc(unit, (n + unit) / unit * unit));
}
void operator delete(void* block) noexcept {
  discount(block);
}
void operator delete[](void* block) noexcept {
  discount(block);
}
void operator delete(void* block, std::size_t) noexcept {
  discount(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  discount(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  discount(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  discount(block);
}

namespace hearth::testing {

void AllocationPeak::reset() {
  base_bytes = live_bytes.load();
  peak_bytes = live_bytes.load();
}

std::size_t AllocationPeak::bytes() {
  return peak_bytes.load() - base_bytes.load();
}

TEST(CountedAllocations, CountWhatIsAliveAtOnce) {
  const AllocationPeak peak;
  for (int i = 0; i < 10; ++i) {
    auto block = std::make_unique<char[]>(1 << 20);
    block[0] = 1;
  }
  EXPECT_GE(peak.bytes(), 1u << 20);
  EXPECT_LT(peak.bytes(), 2u << 20);
  std::vector<char> big(5 << 20);
  EXPECT_GE(peak.bytes(), 5u << 20);
}

}  // namespace hearth::testing
