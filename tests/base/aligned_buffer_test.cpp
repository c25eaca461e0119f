// AlignedBuffer: aligned, zero, and really given back.
#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

namespace hearth {
namespace {

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

TEST(AlignedBuffer, IsAlignedAndZero) {
  for (const std::size_t size : {1u, 63u, 64u, 65u, 4096u, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, 5u << 20}) {
    auto buffer = AlignedBuffer::make(size);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer->size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->data()) % 64, 0u);
    EXPECT_TRUE(std::all_of(buffer->data(), buffer->data() + size, [](std::byte b) { return b == std::byte{0}; }));
    std::fill_n(buffer->as<unsigned char>(), size, 0xaa);
  }
}

TEST(AlignedBuffer, EmptyIsNoMemory) {
  const auto buffer = AlignedBuffer::make(0);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->size(), 0u);
  EXPECT_EQ(buffer->data(), nullptr);
}

TEST(AlignedBuffer, MovingHandsTheMemoryOver) {
  AlignedBuffer a = AlignedBuffer::make(100).value();
  AlignedBuffer b = AlignedBuffer::make(2 << 20).value();
  const std::byte* memory = b.data();
  a = std::move(b);
  EXPECT_EQ(a.data(), memory);
  EXPECT_EQ(a.size(), 2u << 20);
  const AlignedBuffer c(std::move(a));
  EXPECT_EQ(c.data(), memory);
}

TEST(AlignedBuffer, ImpossibleSizesAreErrors) {
  for (const std::size_t size : {~std::size_t{0}, ~std::size_t{0} / 2, std::size_t{1} << 60}) {
    const auto buffer = AlignedBuffer::make(size);
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().code, ErrorCode::kInsufficientMemory);
    EXPECT_NE(buffer.error().message.find("MiB"), std::string::npos);
  }
}

TEST(AlignedBuffer, FreeingGivesTheMemoryBack) {
  const std::size_t size = 64u << 20;
  const std::size_t before = resident_bytes();
  {
    AlignedBuffer buffer = AlignedBuffer::make(size).value();
    std::fill_n(buffer.as<unsigned char>(), size, 1);
    EXPECT_GT(resident_bytes(), before + size / 2);
  }
  EXPECT_LT(resident_bytes(), before + size / 2);
}

TEST(AlignedBuffer, LockingNothingSucceeds) {
  AlignedBuffer empty;
  EXPECT_TRUE(empty.lock());
}

}  // namespace
}  // namespace hearth
