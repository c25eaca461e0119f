// Memory and work of one template or one rendering, both bounded. Memory is handed out in sequence and given back all
// at once: values may therefore be plain pointers, and a namespace that holds itself costs nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "text/jinja/fault.h"

namespace hearth::text::jinja {

class Arena {
 public:
  struct Limits {
    std::size_t n_bytes = 0;
    std::uint64_t n_steps = std::numeric_limits<std::uint64_t>::max();
    std::chrono::nanoseconds cpu = std::chrono::nanoseconds::max();  // of the thread that makes the arena
  };
  explicit Arena(const Limits& limits);
  Arena(Arena&&) noexcept = default;
  Arena& operator=(Arena&&) noexcept = default;

  /// Counts work; throws a Fault when steps or time are used up.
  void spend(std::uint64_t n_steps) {
    n_steps_ += n_steps;
    if (n_steps_ >= next_look_) look_at_clock();
  }
  /// Work on that many bytes.
  void spend_bytes(std::size_t n_bytes) { spend(1 + n_bytes / 64); }

  /// Throws a Fault when the limit is reached.
  void* allocate(std::size_t n_bytes, std::size_t alignment) {
    const std::size_t padding = (alignment - reinterpret_cast<std::uintptr_t>(next_) % alignment) % alignment;
    if (n_bytes + padding > left_) return allocate_chunk(n_bytes);
    std::byte* at = next_ + padding;
    next_ = at + n_bytes;
    left_ -= n_bytes + padding;
    return at;
  }

  template <typename T>
  T* make(const T& value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T(value);
  }
  template <typename T>
  std::span<T> make_array(std::size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (n == 0) return {};
    constexpr std::size_t kItemBytes = sizeof(T);  // NOLINT(bugprone-sizeof-expression): T may well be a pointer
    if (n > limits_.n_bytes / kItemBytes) throw_limit();
    T* at = static_cast<T*>(allocate(n * kItemBytes, alignof(T)));
    for (std::size_t i = 0; i < n; ++i) new (at + i) T();
    return {at, n};
  }
  template <typename T>
  std::span<const T> keep(std::span<const T> items) {
    const std::span<T> kept = make_array<T>(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) kept[i] = items[i];
    return kept;
  }
  template <typename T>
  std::span<const T> keep(const std::vector<T>& items) {
    return keep(std::span<const T>(items));
  }
  std::string_view keep_bytes(std::string_view bytes) {
    if (bytes.empty()) return {};
    char* at = static_cast<char*>(allocate(bytes.size(), 1));
    std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

  [[nodiscard]] std::size_t limit_bytes() const { return limits_.n_bytes; }

 private:
  [[noreturn]] void throw_limit() const;
  void* allocate_chunk(std::size_t n_bytes);
  void look_at_clock();

  Limits limits_;
  std::uint64_t n_steps_ = 0;
  std::uint64_t next_look_ = 0;
  std::chrono::nanoseconds started_{0};
  std::size_t used_bytes_ = 0;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
};

}  // namespace hearth::text::jinja
