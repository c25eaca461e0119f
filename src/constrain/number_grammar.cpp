// Digit by digit: a number is within bounds as long as it is equal to one so far or strictly between them, and a
// multiple of a step when the remainder of its digits ends at zero.
#include "constrain/number_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <tuple>

namespace hearth::constrain {

namespace {

constexpr std::size_t kUsualDigits = 16;
constexpr std::uint32_t kFractionDigits = 15;
constexpr std::int64_t kMostBoundDigits = 60;
constexpr std::uint64_t kMostSteps = 2'000;

std::string whole_digits(const Decimal& integer) {
  if (integer.is_zero()) return "0";
  return integer.digits() + std::string(static_cast<std::size_t>(integer.exponent()), '0');
}

/// Integers n with first <= n <= last that are multiples of `step`, written as n * 10^exponent.
class ScaledIntegers {
 public:
  ScaledIntegers(Grammar& grammar, std::uint64_t step, std::int64_t exponent)
      : grammar_(grammar),
        step_(step),
        n_behind_(exponent < 0 ? static_cast<std::size_t>(-exponent) : 0),
        zeros_(exponent > 0 ? static_cast<std::size_t>(exponent) : 0, '0') {}

  /// Both as digits without zeros before them.
  ExprId unsigned_range(const std::string& first, const std::string& last) {
    if (first.size() > last.size() || (first.size() == last.size() && first > last)) return grammar_.never();
    if (first == "0" && !zeros_.empty())
      return grammar_.alt({grammar_.byte('0'), last == "0" ? grammar_.never() : unsigned_range("1", last)});
    std::vector<ExprId> ways;
    std::size_t length = first.size();
    while (length <= last.size()) {
      const bool at_first = length == first.size() && first != "1" && first != "0";
      const bool at_last = length == last.size() && last.find_first_not_of('9') != std::string::npos;
      if (step_ == 1 && n_behind_ == 0 && zeros_.empty() && !at_first && !at_last) {
        // All numbers of several lengths at once.
        const std::size_t end = last.find_first_not_of('9') == std::string::npos ? last.size() : last.size() - 1;
        if (length == 1 && first == "0") ways.push_back(grammar_.byte('0'));
        ways.push_back(grammar_.seq(
            {grammar_.byte_range('1', '9'),
             grammar_.repeat(digit(), static_cast<std::uint32_t>(length - 1), static_cast<std::uint32_t>(end - 1))}));
        length = end + 1;
        continue;
      }
      low_ = length == first.size() ? first : "1" + std::string(length - 1, '0');
      high_ = length == last.size() ? last : std::string(length, '9');
      tight_.clear();
      std::string before;
      if (length <= n_behind_) before = "0." + std::string(n_behind_ - length, '0');
      ways.push_back(grammar_.seq({grammar_.literal(before), from(0, true, true, 0)}));
      ++length;
    }
    return grammar_.alt(std::move(ways));
  }

 private:
  ExprId digit() { return grammar_.byte_range('0', '9'); }

  /// The digits from `at` on, when those before left `rest` and are equal to the bounds' or not.
  ExprId from(std::size_t at, bool on_low, bool on_high, std::uint64_t rest) {
    const std::size_t left = low_.size() - at;
    if (left == 0) return rest == 0 ? grammar_.literal(zeros_) : grammar_.never();
    const auto tight_key = std::make_tuple(at, on_low, on_high, rest);
    const auto loose_key = std::make_pair(left, rest);
    const bool loose = !on_low && !on_high;
    if (loose) {
      if (const auto known = loose_.find(loose_key); known != loose_.end()) return grammar_.call(known->second);
    } else if (const auto known = tight_.find(tight_key); known != tight_.end()) {
      return grammar_.call(known->second);
    }
    const RuleId rule = grammar_.add_rule("digits");
    (loose ? loose_[loose_key] : tight_[tight_key]) = rule;
    // Digits that lead to the same place are taken together.
    std::map<std::tuple<bool, bool, std::uint64_t>, ByteSet> next;
    const char first = on_low ? low_[at] : '0', last = on_high ? high_[at] : '9';
    for (char c = first; c <= last; ++c)
      next[{on_low && c == first, on_high && c == last, (rest * 10 + static_cast<std::uint64_t>(c - '0')) % step_}].set(
          static_cast<unsigned char>(c));
    std::vector<ExprId> ways;
    for (const auto& [where, digits] : next) {
      const auto [low, high, remainder] = where;
      ways.push_back(grammar_.seq({grammar_.bytes(digits), from(at + 1, low, high, remainder)}));
    }
    ExprId expr = grammar_.alt(std::move(ways));
    if (left == n_behind_ && at > 0) expr = grammar_.seq({grammar_.byte('.'), expr});
    grammar_.define(rule, expr);
    return grammar_.call(rule);
  }

  Grammar& grammar_;
  std::uint64_t step_;
  std::size_t n_behind_;
  std::string zeros_;
  std::string low_, high_;
  std::map<std::tuple<std::size_t, bool, bool, std::uint64_t>, RuleId> tight_;
  std::map<std::pair<std::size_t, std::uint64_t>, RuleId> loose_;
};

/// What may stand behind the integer part when the whole must stay within bounds that share it.
class Fraction {
 public:
  Fraction(Grammar& grammar, std::optional<std::string> low, bool above, std::optional<std::string> high, bool below)
      : grammar_(grammar), low_(std::move(low)), high_(std::move(high)), above_(above), below_(below) {}

  ExprId run() {
    const bool on_low = low_ && !(low_->empty() && !above_);
    const bool on_high = high_.has_value();
    return grammar_.alt({may_end(0, on_low, on_high) ? grammar_.empty() : grammar_.never(),
                         grammar_.seq({grammar_.byte('.'), digits_from(0, on_low, on_high)})});
  }

 private:
  [[nodiscard]] bool may_end(std::size_t n, bool on_low, bool on_high) const {
    if (on_low && (n < low_->size() || above_)) return false;
    return !on_high || n < high_->size() || !below_;
  }

  /// At least one more digit.
  ExprId digits_from(std::size_t n, bool on_low, bool on_high) {
    if (!on_low && !on_high) return grammar_.repeat(grammar_.byte_range('0', '9'), 1, kFractionDigits);
    const std::size_t longest = std::max(low_ ? low_->size() : 0, high_ ? high_->size() : 0);
    if (n > longest + 8) return grammar_.never();
    std::map<std::pair<bool, bool>, ByteSet> next;
    const char first = on_low && n < low_->size() ? (*low_)[n] : '0';
    const char last = !on_high ? '9' : n < high_->size() ? (*high_)[n] : '0';
    for (char c = first; c <= last; ++c) {
      // Equal to an inclusive lower bound to its end: any further digit is fine.
      const bool low = on_low && c == first && !(n + 1 >= low_->size() && !above_);
      next[{low, on_high && c == last}].set(static_cast<unsigned char>(c));
    }
    std::vector<ExprId> ways;
    for (const auto& [where, set] : next) {
      const auto [low, high] = where;
      const ExprId more = digits_from(n + 1, low, high);
      ways.push_back(
          grammar_.seq({grammar_.bytes(set),
                        grammar_.alt({may_end(n + 1, low, high) ? grammar_.empty() : grammar_.never(), more})}));
    }
    return grammar_.alt(std::move(ways));
  }

  Grammar& grammar_;
  std::optional<std::string> low_, high_;
  bool above_, below_;
};

std::string fraction_digits(const Decimal& value) {
  if (value.is_integer()) return {};
  const std::int64_t n = value.magnitude();
  if (n < 0) return std::string(static_cast<std::size_t>(-n), '0') + value.digits();
  return value.digits().substr(static_cast<std::size_t>(n));
}

Bound mirrored(const Bound& bound) {
  return {bound.value.negated(), bound.exclusive};
}

/// Reals from `low` (at least zero) up.
ExprId unsigned_reals(Grammar& grammar, const Bound& low, const std::optional<Bound>& high) {
  ScaledIntegers integers(grammar, 1, 0);
  const auto any_fraction = [&] { return Fraction(grammar, std::nullopt, false, std::nullopt, false).run(); };
  const Decimal first = floor_of(low.value);
  const std::string first_digits = whole_digits(first);
  const std::string low_fraction = fraction_digits(low.value);
  const std::size_t most = std::max(kUsualDigits, first_digits.size() + 1);
  if (high && high->value.magnitude() <= static_cast<std::int64_t>(most)) {
    if (low.value > high->value) return grammar.never();
    const Decimal last = floor_of(high->value);
    const std::string last_digits = whole_digits(last);
    const std::string high_fraction = fraction_digits(high->value);
    if (first == last) {
      return grammar.seq({grammar.literal(first_digits),
                          Fraction(grammar, low_fraction, low.exclusive, high_fraction, high->exclusive).run()});
    }
    const Decimal below_last = plus_one(last.negated()).negated();
    return grammar.alt({grammar.seq({grammar.literal(first_digits),
                                     Fraction(grammar, low_fraction, low.exclusive, std::nullopt, false).run()}),
                        grammar.seq({integers.unsigned_range(whole_digits(plus_one(first)), whole_digits(below_last)),
                                     any_fraction()}),
                        grammar.seq({grammar.literal(last_digits),
                                     Fraction(grammar, std::nullopt, false, high_fraction, high->exclusive).run()})});
  }
  return grammar.alt(
      {grammar.seq(
           {grammar.literal(first_digits), Fraction(grammar, low_fraction, low.exclusive, std::nullopt, false).run()}),
       grammar.seq({integers.unsigned_range(whole_digits(plus_one(first)), std::string(most, '9')), any_fraction()})});
}

ExprId reals(Grammar& grammar, const std::optional<Bound>& low, const std::optional<Bound>& high) {
  const Bound zero;
  std::vector<ExprId> ways;
  if (!high || !high->value.negative())
    ways.push_back(unsigned_reals(grammar, low && !low->value.negative() ? *low : zero, high));
  if (!low || low->value.negative()) {
    const std::optional<Bound> farthest = low ? std::optional(mirrored(*low)) : std::nullopt;
    const bool starts_below = high && (high->value.negative() || high->value.is_zero());
    const ExprId size = unsigned_reals(grammar, starts_below ? mirrored(*high) : zero, farthest);
    ways.push_back(grammar.seq({grammar.byte('-'), size}));
  }
  return grammar.alt(std::move(ways));
}

/// The least (or greatest) n with n * 10^exponent within a bound.
Decimal scaled_low(const Bound& bound, std::int64_t exponent) {
  const Decimal value = Decimal::make(bound.value.negative(), bound.value.digits(), bound.value.exponent() - exponent);
  const Decimal whole = floor_of(value);
  return whole != value || bound.exclusive ? plus_one(whole) : whole;
}

ExprId integers(Grammar& grammar, const NumberRange& range, std::uint64_t step, std::int64_t exponent) {
  std::optional<Decimal> first, last;
  if (range.low) first = scaled_low(*range.low, exponent);
  if (range.high) last = scaled_low(mirrored(*range.high), exponent).negated();
  ScaledIntegers scaled(grammar, step, exponent);
  // Where a bound is absent or far away, numbers end at a usual length.
  const auto up_to = [&](const Decimal& from, const std::optional<Decimal>& bound) {
    const std::size_t most = std::max(kUsualDigits, whole_digits(from).size() + 1);
    if (bound && bound->magnitude() <= static_cast<std::int64_t>(most)) return whole_digits(*bound);
    return std::string(most, '9');
  };
  std::vector<ExprId> ways;
  if (!last || !last->negative()) {
    const Decimal from = first && !first->negative() ? *first : Decimal();
    ways.push_back(scaled.unsigned_range(whole_digits(from), up_to(from, last)));
  }
  if (!first || first->negative()) {
    const Decimal from = last && last->negative() ? last->negated() : Decimal(1);
    const std::optional<Decimal> end = first ? std::optional(first->negated()) : std::nullopt;
    ways.push_back(grammar.seq({grammar.byte('-'), scaled.unsigned_range(whole_digits(from), up_to(from, end))}));
  }
  return grammar.alt(std::move(ways));
}

/// The multiples of `step` that are up to 64 steps from zero and within the range, each as a text of its own.
ExprId small_multiples(Grammar& grammar, const NumberRange& range, const Decimal& step) {
  if (step.exponent() > 300 || step.exponent() < -300) return grammar.never();
  __extension__ typedef unsigned __int128 Wide;
  std::vector<ExprId> ways;
  Wide unit = 0;
  for (const char c : step.digits()) unit = unit * 10 + static_cast<unsigned>(c - '0');
  for (int k = -64; k <= 64; ++k) {
    std::string digits;
    for (Wide n = unit * static_cast<unsigned>(std::abs(k)); n > 0; n /= 10)
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(n % 10)));
    const Decimal value = Decimal::make(k < 0, digits, step.exponent());
    if (range.integers_only && !value.is_integer()) continue;
    if (range.low && (value < range.low->value || (value == range.low->value && range.low->exclusive))) continue;
    if (range.high && (value > range.high->value || (value == range.high->value && range.high->exclusive))) continue;
    std::string text = value.negative() ? "-" : "";
    const std::string fraction = fraction_digits(value);
    text += whole_digits(floor_of(value.negative() ? value.negated() : value));
    if (!fraction.empty()) text += "." + fraction;
    ways.push_back(grammar.literal(text));
  }
  return grammar.alt(std::move(ways));
}

bool too_long(const std::optional<Bound>& bound) {
  return bound && (static_cast<std::int64_t>(bound->value.digits().size()) > kMostBoundDigits ||
                   bound->value.exponent() < -kMostBoundDigits);
}

constexpr std::uint64_t kMostUnits = 1'000'000'000'000'000'000;  // 10^18

/// value / 10^exponent, which is whole.
std::optional<std::uint64_t> units(const Decimal& value, std::int64_t exponent) {
  std::uint64_t n = 0;
  for (const char c : value.digits()) n = n * 10 + static_cast<std::uint64_t>(c - '0');
  for (std::int64_t i = exponent; i < value.exponent(); ++i) {
    if (n >= kMostUnits / 10) return std::nullopt;
    n *= 10;
  }
  return n;
}

}  // namespace

std::optional<Decimal> common_multiple(const Decimal& a, const Decimal& b) {
  const std::int64_t exponent = std::min(a.exponent(), b.exponent());
  const auto in_a = units(a, exponent), in_b = units(b, exponent);
  if (!in_a || !in_b) return std::nullopt;
  const std::uint64_t part = *in_a / std::gcd(*in_a, *in_b);
  if (part > kMostUnits / *in_b) return std::nullopt;
  return Decimal::make(false, std::to_string(part * *in_b), exponent);
}

Result<ExprId> number_expression(Grammar& grammar, const NumberRange& range) {
  const bool far = (range.low && !range.low->value.negative() && range.low->value.magnitude() > kMostBoundDigits) ||
                   (range.high && range.high->value.negative() && range.high->value.magnitude() > kMostBoundDigits);
  if (far || too_long(range.low) || too_long(range.high)) {
    return fail(
        ErrorCode::kUnsupportedConstraint,
        fmt::format("compiling the JSON Schema: \"minimum\" or \"maximum\" of more than {} digits is not supported",
                    kMostBoundDigits));
  }
  if (!range.step) return range.integers_only ? integers(grammar, range, 1, 0) : reals(grammar, range.low, range.high);
  std::uint64_t step = 0;
  for (const char c : range.step->digits()) step = step * 10 + static_cast<std::uint64_t>(c - '0');
  std::int64_t exponent = range.step->exponent();
  if (range.integers_only && exponent < 0) {
    // n is a multiple of d / 10^k exactly when it is one of d / gcd(d, 10^k).
    for (; exponent < 0; ++exponent) {
      std::uint64_t ten = 10;
      for (std::uint64_t shared = std::gcd(step, ten); shared > 1; shared = std::gcd(step, ten)) {
        step /= shared;
        ten /= shared;
      }
    }
  }
  if (step > kMostSteps || exponent > 15 || exponent < -15) {
    if (const ExprId few = small_multiples(grammar, range, *range.step); few != grammar.never()) return few;
    return fail(
        ErrorCode::kUnsupportedConstraint,
        fmt::format("compiling the JSON Schema: \"multipleOf\" is supported up to {} units of its last digit, and "
                    "down to 15 decimals",
                    kMostSteps));
  }
  return integers(grammar, range, step, exponent);
}

}  // namespace hearth::constrain
