// Many short byte strings in one block of memory: a vocabulary of 150,000 tokens without 150,000 allocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

class StringTable {
 public:
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::size_t n_bytes() const { return bytes_.size(); }

  /// String number `idx`, which must be below size(). The view lives until the table changes.
  [[nodiscard]] std::string_view operator[](std::size_t idx) const {
    const std::uint64_t begin = idx == 0 ? 0 : ends_[idx - 1];
    return std::string_view(bytes_).substr(begin, ends_[idx] - begin);
  }

  void push_back(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
  }
  void reserve(std::size_t n_strings, std::size_t n_bytes) {
    ends_.reserve(n_strings);
    bytes_.reserve(n_bytes);
  }
  void clear() {
    bytes_.clear();
    ends_.clear();
  }

 private:
  std::string bytes_;
  std::vector<std::uint64_t> ends_;
};

}  // namespace hearth::text
