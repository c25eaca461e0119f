// Memory that each thread of a load uses for step after step: it stays in the processor's cache, and the system clears
// its pages once.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace hearth {

class Staging {
 public:
  explicit Staging(int n_workers) : buffers_(static_cast<std::size_t>(n_workers)) {}
  /// Makes room for n bytes for each worker, with anything in them. Before the workers begin: it may throw.
  void reserve(std::size_t n_bytes) {
    if (n_bytes <= n_bytes_) return;
    for (auto& buffer : buffers_) buffer = std::make_unique_for_overwrite<std::byte[]>(n_bytes);
    n_bytes_ = n_bytes;
  }
  std::byte* of(int worker) { return buffers_[static_cast<std::size_t>(worker)].get(); }

 private:
  std::vector<std::unique_ptr<std::byte[]>> buffers_;
  std::size_t n_bytes_ = 0;
};

}  // namespace hearth
