// Decimal arithmetic by digits; only what validation asks for.
#include "constrain/decimal.h"

#include <algorithm>

namespace hearth::constrain {

namespace {

constexpr std::int64_t kMostExponent = 1'000'000'000'000'000;
__extension__ typedef unsigned __int128 Wide;  // products of two numbers of 18 digits

}  // namespace

Decimal::Decimal(std::int64_t value) {
  const bool is_negative = value < 0;
  const std::uint64_t size = is_negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  *this = make(is_negative, std::to_string(size), 0);
}

Decimal Decimal::make(bool negative, std::string digits, std::int64_t exponent) {
  Decimal made;
  const std::size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return made;
  const std::size_t last = digits.find_last_not_of('0');
  made.exponent_ = exponent + static_cast<std::int64_t>(digits.size() - 1 - last);
  made.digits_ = digits.substr(first, last - first + 1);
  made.negative_ = negative;
  return made;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  std::string digits;
  std::int64_t exponent = 0;
  bool in_fraction = false;
  for (std::size_t i = is_negative ? 1 : 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      in_fraction = true;
    } else if (c == 'e' || c == 'E') {
      const bool down = i + 1 < text.size() && text[i + 1] == '-';
      std::int64_t value = 0;
      for (++i; i < text.size(); ++i)
        if (text[i] >= '0' && text[i] <= '9') value = std::min(value * 10 + (text[i] - '0'), kMostExponent + 1);
      if (value > kMostExponent) return std::nullopt;
      exponent += down ? -value : value;
    } else {
      digits += c;
      if (in_fraction) --exponent;
    }
  }
  return make(is_negative, std::move(digits), exponent);
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  const int sign = is_zero() ? 0 : negative_ ? -1 : 1;
  const int other_sign = other.is_zero() ? 0 : other.negative_ ? -1 : 1;
  if (sign != other_sign || sign == 0) return sign <=> other_sign;
  std::strong_ordering order = magnitude() <=> other.magnitude();
  if (order == 0) order = digits_.compare(other.digits_) <=> 0;  // a shorter run of digits is smaller, as it must be
  return negative_ ? 0 <=> order : order;
}

bool Decimal::is_multiple_of(const Decimal& divisor) const {
  if (is_zero()) return true;
  // Zeros at the end are in the exponents, so a divisor of a higher power of ten cannot divide.
  if (divisor.exponent_ > exponent_) return false;
  std::uint64_t modulus = 0;
  for (const char c : divisor.digits_) modulus = modulus * 10 + static_cast<std::uint64_t>(c - '0');
  Wide rest = 0;
  for (const char c : digits_) rest = (rest * 10 + static_cast<unsigned>(c - '0')) % modulus;
  Wide power = 10 % modulus;
  for (std::int64_t n = exponent_ - divisor.exponent_; n > 0; n >>= 1) {
    if (n & 1) rest = rest * power % modulus;
    power = power * power % modulus;
  }
  return rest == 0;
}

std::optional<std::uint64_t> Decimal::as_count() const {
  if (is_zero()) return 0;
  if (negative_ || exponent_ < 0 || magnitude() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits_) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  for (std::int64_t i = 0; i < exponent_; ++i) value *= 10;
  return value;
}

}  // namespace hearth::constrain
