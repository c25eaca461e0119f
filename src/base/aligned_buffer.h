// Memory for tensors: 64-byte aligned, zeroed, given back to the system when released.
#pragma once

#include <cstddef>
#include <utility>

#include "base/result.h"

namespace hearth {

/// Owns `size()` bytes, all zero at first. Large buffers are their own mappings, so freeing one returns its pages.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  static Result<AlignedBuffer> make(std::size_t size_bytes);
  ~AlignedBuffer() { release(); }
  AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    AlignedBuffer moved(std::move(other));
    swap(moved);
    return *this;
  }

  [[nodiscard]] std::byte* data() { return data_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  template <typename T>
  [[nodiscard]] T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <typename T>
  [[nodiscard]] const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }

  /// Asks the system to keep the pages in RAM. False when the limit (ulimit -l) forbids it.
  bool lock();

 private:
  void release();
  void swap(AlignedBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hearth
