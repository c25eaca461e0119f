// Filters that make numbers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "text/jinja/evaluator.h"
#include "text/jinja/lexer.h"

namespace hearth::text::jinja {

namespace {

std::string_view without_space(std::string_view text) {
  text.remove_prefix(leading_space(text));
  text.remove_suffix(trailing_space(text));
  return text;
}

std::optional<std::int64_t> parse_int(std::string_view text, int base) {
  std::string digits(without_space(text));
  std::erase(digits, '_');
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.starts_with('-') || rest.starts_with('+')) return std::nullopt;
  if (rest.size() > 2 && rest[0] == '0') {
    const char mark = static_cast<char>(rest[1] | 0x20);
    if ((base == 16 && mark == 'x') || (base == 8 && mark == 'o') || (base == 2 && mark == 'b')) rest.remove_prefix(2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (error != std::errc() || end != rest.data() + rest.size() || rest.empty()) return std::nullopt;
  return negative ? -value : value;
}

std::optional<double> parse_float(std::string_view text) {
  std::string digits(without_space(text));
  std::erase(digits, '_');
  std::string_view rest = digits;
  if (rest.starts_with('+')) rest.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (end != rest.data() + rest.size() || rest.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return rest.starts_with('-') ? -HUGE_VAL : HUGE_VAL;
  return value;
}

std::optional<std::int64_t> to_integer(double value) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value > -kLimit && value < kLimit)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Value to_int(Evaluator&, const Value& subject, const Arguments& arguments) {
  const Bound bound("int", arguments, {"default", "base"});
  const Value fallback = bound.find(0) == nullptr ? Value::of(std::int64_t{0}) : *bound.find(0);
  std::optional<std::int64_t> value;
  if (!subject.is_defined()) throw_undefined(subject);
  if (subject.is(Kind::kHuge)) return subject;
  if (subject.is_integer()) {
    value = subject.as_integer();
  } else if (subject.is(Kind::kFloat)) {
    value = to_integer(subject.number);
  } else if (subject.is(Kind::kStr)) {
    const auto base = static_cast<int>(std::clamp<std::int64_t>(bound.integer(1, 10), 2, 36));
    value = parse_int(subject.str->bytes, base);
    if (!value) {
      if (const auto as_float = parse_float(subject.str->bytes)) value = to_integer(*as_float);
    }
  }
  return value ? Value::of(*value) : fallback;
}

Value to_float(Evaluator&, const Value& subject, const Arguments& arguments) {
  const Bound bound("float", arguments, {"default"});
  if (!subject.is_defined()) throw_undefined(subject);
  if (subject.is_number()) return Value::of(as_double(subject));
  if (subject.is(Kind::kStr)) {
    if (const auto value = parse_float(subject.str->bytes)) return Value::of(*value);
  }
  return bound.find(0) == nullptr ? Value::of(0.0) : *bound.find(0);
}

Value absolute(Evaluator&, const Value& subject, const Arguments& arguments) {
  const Bound bound("abs", arguments, {});
  if (subject.is(Kind::kFloat)) return Value::of(std::fabs(subject.number));
  if (subject.is(Kind::kHuge)) return subject;
  if (subject.is_integer()) return subject.as_integer() < 0 ? negate(subject) : Value::of(subject.as_integer());
  if (!subject.is_defined()) throw_undefined(subject);
  throw_runtime(fmt::format("bad operand type for abs(): '{}'", type_name(subject)));
}

/// Python rounds the decimal value of the double, halves to even.
double round_decimal(double value, std::int64_t precision) {
  if (!std::isfinite(value)) return value;
  if (precision >= 0) {
    const std::string text = fmt::format("{:.{}f}", value, static_cast<int>(std::min<std::int64_t>(precision, 400)));
    double rounded = 0;
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return rounded;
  }
  const double scale = std::pow(10.0, static_cast<double>(-precision));
  return std::nearbyint(value / scale) * scale;
}

Value round(Evaluator&, const Value& subject, const Arguments& arguments) {
  const Bound bound("round", arguments, {"precision", "method"});
  const std::int64_t precision = std::clamp<std::int64_t>(bound.integer(0, 0), -400, 400);
  const std::string_view method = bound.string(1) == nullptr ? "common" : bound.string(1)->bytes;
  if (!subject.is_defined()) throw_undefined(subject);
  if (!subject.is_number()) {
    throw_runtime(fmt::format("type {} doesn't define __round__ method", type_name(subject)));
  }
  if (method == "common") {
    if (subject.is_integer() && precision >= 0) return Value::of(subject.as_integer());
    const double rounded = round_decimal(as_double(subject), precision);
    return subject.is_integer() ? Value::of(static_cast<std::int64_t>(rounded)) : Value::of(rounded);
  }
  if (method != "ceil" && method != "floor") throw_runtime("method must be common, ceil or floor");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = as_double(subject) * scale;
  return Value::of((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

constexpr std::array kNumberFilters = {FilterEntry{"abs", absolute}, FilterEntry{"float", to_float},
                                       FilterEntry{"int", to_int}, FilterEntry{"round", round}};

}  // namespace

std::span<const FilterEntry> number_filters() {
  return kNumberFilters;
}

}  // namespace hearth::text::jinja
