// AlignedBuffer on POSIX: calloc-like small blocks, anonymous mappings for large ones.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "base/aligned_buffer.h"

#include <fmt/format.h>

namespace hearth {

namespace {
constexpr std::size_t kMapFrom = 1u << 20;  // bytes; below this a mapping wastes pages and system calls
constexpr std::size_t kAlignment = 64;
}  // namespace

Result<AlignedBuffer> AlignedBuffer::make(std::size_t size_bytes) {
  AlignedBuffer buffer;
  if (size_bytes == 0) return buffer;
  void* memory = nullptr;
  if (size_bytes >= kMapFrom) {
    memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) memory = nullptr;
  } else {
    const std::size_t rounded = (size_bytes + kAlignment - 1) & ~(kAlignment - 1);
    memory = std::aligned_alloc(kAlignment, rounded);
    if (memory) std::memset(memory, 0, rounded);
  }
  if (!memory) {
    return fail(
        ErrorCode::kInsufficientMemory,
        fmt::format("allocating {} MiB failed: the system has no memory to give; close other programs, or use a "
                    "smaller model, context or quantization",
                    size_bytes >> 20));
  }
  buffer.data_ = static_cast<std::byte*>(memory);
  buffer.size_ = size_bytes;
  return buffer;
}

bool AlignedBuffer::lock() {
  return size_ == 0 || mlock(data_, size_) == 0;
}

void AlignedBuffer::release() {
  if (size_ >= kMapFrom) {
    munmap(data_, size_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  size_ = 0;
}

}  // namespace hearth
