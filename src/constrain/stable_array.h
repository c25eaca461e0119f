// Arrays that grow without moving what they hold: no step pays for all steps before it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace hearth::constrain {

/// Values by number, `unknown` until they are set.
template <typename T>
class StableArray {
 public:
  explicit StableArray(T unknown) : unknown_(unknown) {}

  /// `i` must lie below a number that reach() was given.
  [[nodiscard]] T& operator[](std::size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  void reach(std::size_t n) {
    while (chunks_.size() * kChunk < n) {
      chunks_.push_back(std::make_unique_for_overwrite<T[]>(kChunk));
      std::fill_n(chunks_.back().get(), kChunk, unknown_);
    }
  }
  [[nodiscard]] std::size_t n_bytes() const { return chunks_.size() * kChunk * sizeof(T); }

 private:
  static constexpr std::size_t kChunk = 1024;
  T unknown_;
  std::vector<std::unique_ptr<T[]>> chunks_;
};

/// Keeps short lists, each in one piece.
template <typename T>
class ListArena {
 public:
  std::span<const T> keep(std::span<const T> list) {
    if (list.size() > n_free_) {
      n_free_ = std::max(kChunk, list.size());
      chunks_.push_back(std::make_unique_for_overwrite<T[]>(n_free_));
      free_ = chunks_.back().get();
      n_bytes_ += n_free_ * sizeof(T);
    }
    T* const kept = free_;
    std::ranges::copy(list, kept);
    free_ += list.size();
    n_free_ -= list.size();
    return {kept, list.size()};
  }
  [[nodiscard]] std::size_t n_bytes() const { return n_bytes_; }

 private:
  static constexpr std::size_t kChunk = 8192;
  std::vector<std::unique_ptr<T[]>> chunks_;
  T* free_ = nullptr;
  std::size_t n_free_ = 0, n_bytes_ = 0;
};

}  // namespace hearth::constrain
