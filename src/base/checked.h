// The one type for size arithmetic on numbers that a file or a request supplied: it remembers an overflow.
#pragma once

#include <cstdint>
#include <optional>

namespace hearth {

/// An unsigned 64-bit value, or "overflowed". Sums and products of anything overflowed stay overflowed.
class CheckedSize {
 public:
  constexpr CheckedSize() = default;
  // Implicit, so that expressions read as arithmetic.
  constexpr CheckedSize(std::uint64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] constexpr bool overflowed() const { return overflowed_; }
  /// The value, or nothing after an overflow.
  [[nodiscard]] constexpr std::optional<std::uint64_t> value() const {
    if (overflowed_) return std::nullopt;
    return value_;
  }
  /// True when the value is known and at most `limit`.
  [[nodiscard]] constexpr bool at_most(std::uint64_t limit) const { return !overflowed_ && value_ <= limit; }

  friend constexpr CheckedSize operator+(CheckedSize a, CheckedSize b) {
    CheckedSize r;
    r.overflowed_ = a.overflowed_ | b.overflowed_ | __builtin_add_overflow(a.value_, b.value_, &r.value_);
    return r;
  }
  friend constexpr CheckedSize operator*(CheckedSize a, CheckedSize b) {
    CheckedSize r;
    r.overflowed_ = a.overflowed_ | b.overflowed_ | __builtin_mul_overflow(a.value_, b.value_, &r.value_);
    return r;
  }
  /// The smallest multiple of `unit` (a power of two, not zero) that is at least this value.
  [[nodiscard]] constexpr CheckedSize rounded_up(std::uint64_t unit) const {
    CheckedSize r = *this + (unit - 1);
    r.value_ &= ~(unit - 1);
    return r;
  }

 private:
  std::uint64_t value_ = 0;
  bool overflowed_ = false;
};

}  // namespace hearth
