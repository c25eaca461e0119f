// Activations as models see them: opaque handles that give their memory back when they go out of scope.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/table.h"

namespace hearth::ops {

/// Float storage of an activation and, once a matrix product asked for it, its int8 forms.
struct Storage {
  AlignedBuffer values;
  struct Quantised {
    AlignedBuffer codes, scales, sums;
    bool valid = false;
  };
  Quantised i8x32, i8x256;
};

/// A handle on [rows, cols] floats, rows `stride` apart. Copies share the memory; a view of columns shares it too.
class Tensor {
 public:
  Tensor() = default;
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] explicit operator bool() const { return storage_ != nullptr; }

 private:
  friend class NativeContext;
  [[nodiscard]] float* row(std::size_t r) const { return storage_->values.as<float>() + offset_ + r * stride_; }
  [[nodiscard]] bool whole() const { return offset_ == 0 && stride_ == cols_; }

  std::shared_ptr<Storage> storage_;
  std::size_t rows_ = 0, cols_ = 0, stride_ = 0, offset_ = 0;
};

/// Hands out storages and takes them back, so that an evaluation allocates only the first time. One thread at a time.
class StoragePool {
 public:
  /// At least n floats; throws std::bad_alloc (evaluate turns it into an error).
  std::shared_ptr<Storage> take(std::size_t n_floats);
  /// Gives all unused memory back.
  void trim() { free_->clear(); }

 private:
  using FreeList = std::vector<std::unique_ptr<Storage>>;
  std::shared_ptr<FreeList> free_ = std::make_shared<FreeList>();
};

}  // namespace hearth::ops
