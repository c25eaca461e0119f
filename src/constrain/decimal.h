// Numbers as JSON writes them, exact: schemas compare and divide decimals, not their nearest doubles.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::constrain {

/// sign * digits * 10^exponent, digits without zeros at either end; zero has no digits.
class Decimal {
 public:
  Decimal() = default;
  explicit Decimal(std::int64_t value);
  /// A number of RFC 8259; nothing if its exponent is beyond +-10^15.
  static std::optional<Decimal> parse(std::string_view text);
  static Decimal make(bool negative, std::string digits, std::int64_t exponent);

  [[nodiscard]] bool is_zero() const { return digits_.empty(); }
  [[nodiscard]] bool negative() const { return negative_; }
  [[nodiscard]] bool is_integer() const { return exponent_ >= 0; }
  [[nodiscard]] const std::string& digits() const { return digits_; }
  [[nodiscard]] std::int64_t exponent() const { return exponent_; }
  /// How many digits stand before the decimal point; 0 or less below 1.
  [[nodiscard]] std::int64_t magnitude() const { return exponent_ + static_cast<std::int64_t>(digits_.size()); }

  [[nodiscard]] Decimal negated() const { return make(!negative_, digits_, exponent_); }
  /// Whether it is an integer times `divisor`, which is above zero and has at most 18 digits.
  [[nodiscard]] bool is_multiple_of(const Decimal& divisor) const;
  /// As an unsigned count, when it is an integer from 0 that fits.
  [[nodiscard]] std::optional<std::uint64_t> as_count() const;

  bool operator==(const Decimal&) const = default;
  std::strong_ordering operator<=>(const Decimal& other) const;

 private:
  std::string digits_;
  std::int64_t exponent_ = 0;
  bool negative_ = false;
};

}  // namespace hearth::constrain
