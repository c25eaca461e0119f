// Arithmetic, comparison, membership and slices, with Python's results and complaints.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

namespace {

std::string_view sign_of(ExprKind operation) {
  switch (operation) {
    case ExprKind::kAdd: return "+";
    case ExprKind::kSubtract: return "-";
    case ExprKind::kMultiply: return "*";
    case ExprKind::kDivide: return "/";
    case ExprKind::kFloorDivide: return "//";
    case ExprKind::kModulo: return "%";
    default: return "** or pow()";
  }
}

[[noreturn]] void throw_operands(ExprKind operation, const Value& a, const Value& b) {
  if (!a.is_defined()) throw_undefined(a);
  if (!b.is_defined()) throw_undefined(b);
  throw_runtime(
      fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", sign_of(operation), type_name(a), type_name(b)));
}

[[noreturn]] void throw_too_large() {
  throw_runtime("a whole number grows beyond 64 bits");
}

double float_modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) throw_too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) throw_too_large();
  }
  return result;
}

Value compute_integers(ExprKind operation, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflows = false;
  switch (operation) {
    case ExprKind::kAdd: overflows = __builtin_add_overflow(a, b, &result); break;
    case ExprKind::kSubtract: overflows = __builtin_sub_overflow(a, b, &result); break;
    case ExprKind::kMultiply: overflows = __builtin_mul_overflow(a, b, &result); break;
    case ExprKind::kDivide:
      if (b == 0) throw_runtime("division by zero");
      return Value::of(static_cast<double>(a) / static_cast<double>(b));
    case ExprKind::kFloorDivide:
    case ExprKind::kModulo: {
      if (b == 0)
        throw_runtime(operation == ExprKind::kModulo ? "integer modulo by zero" : "integer division or modulo by zero");
      if (b == -1) {  // the one division that can overflow
        overflows = operation == ExprKind::kFloorDivide && __builtin_sub_overflow(std::int64_t{0}, a, &result);
        break;
      }
      const std::int64_t rest = a % b, quotient = a / b;
      const bool adjust = rest != 0 && (rest < 0) != (b < 0);  // Python rounds down
      result = operation == ExprKind::kModulo ? rest + (adjust ? b : 0) : quotient - (adjust ? 1 : 0);
      break;
    }
    default:
      if (b < 0) return Value::of(std::pow(static_cast<double>(a), static_cast<double>(b)));
      result = integer_power(a, b);
  }
  if (overflows) throw_too_large();
  return Value::of(result);
}

Value compute_floats(ExprKind operation, double a, double b) {
  switch (operation) {
    case ExprKind::kAdd: return Value::of(a + b);
    case ExprKind::kSubtract: return Value::of(a - b);
    case ExprKind::kMultiply: return Value::of(a * b);
    case ExprKind::kPower: return Value::of(std::pow(a, b));
    default: break;
  }
  if (b == 0) throw_runtime(operation == ExprKind::kDivide ? "float division by zero" : "float modulo");
  if (operation == ExprKind::kDivide) return Value::of(a / b);
  const double rest = float_modulo(a, b);
  return Value::of(operation == ExprKind::kModulo ? rest : std::round((a - rest) / b));
}

Value repeat(Evaluator& evaluator, const Value& value, std::int64_t times) {
  Arena& arena = evaluator.arena();
  const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(times, 0));
  const std::size_t size = value.is(Kind::kStr) ? value.str->bytes.size() : value.seq->items.size() * sizeof(Value);
  if (size != 0 && n > arena.limit_bytes() / size) {
    throw_fuel(fmt::format("repeating something {} times takes more than {} bytes", n, arena.limit_bytes()));
  }
  if (value.is(Kind::kStr)) {
    StrBuilder out(arena);
    for (std::uint64_t i = 0; i < n && size != 0; ++i) out.append(*value.str);
    return Value::of(out.finish());
  }
  const std::span<const Value> items = value.seq->items;
  const std::span<Value> all = arena.make_array<Value>(size == 0 ? 0 : items.size() * n);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = items[i % items.size()];
  arena.spend_bytes(all.size_bytes());
  return make_seq(arena, value.seq->type, all);
}

bool is_list_or_tuple(const Value& value) {
  return value.is(Kind::kSeq) && (value.seq->type == SeqType::kList || value.seq->type == SeqType::kTuple);
}

/// The index that a slice part names: open at `fallback`, counted from the end where negative, kept inside.
std::int64_t slice_bound(const Value* part, std::int64_t size, std::int64_t fallback, std::int64_t lowest,
                         std::int64_t highest) {
  if (part == nullptr || part->is(Kind::kNone)) return fallback;
  if (!part->is_defined()) throw_undefined(*part);
  if (!part->is_integer()) throw_runtime("slice indices must be integers or None or have an __index__ method");
  std::int64_t idx = part->as_integer();
  if (idx < 0) idx = idx < -size ? -1 : idx + size;
  return std::clamp(idx, lowest, highest);
}

std::int64_t slice_step(const Value* part) {
  constexpr std::int64_t kFar = std::int64_t{1} << 40;  // beyond every size, so that sums stay in range
  if (part == nullptr || part->is(Kind::kNone)) return 1;
  if (!part->is_integer()) throw_runtime("slice indices must be integers or None or have an __index__ method");
  return std::clamp(part->as_integer(), -kFar, kFar);
}

const Str* slice_string(Arena& arena, const Str& str, std::int64_t start, std::int64_t stop, std::int64_t step) {
  arena.spend_bytes(str.bytes.size());
  if (step == 1) {
    if (start >= stop) return view_str(arena, {}, Origin::kTemplate);
    const std::size_t begin = str.byte_of(static_cast<std::uint32_t>(start));
    return slice_str(arena, str, begin, str.byte_of(static_cast<std::uint32_t>(stop)));
  }
  std::vector<std::uint32_t> begins;  // of every character, and the end
  for (std::uint32_t i = 0; i < str.bytes.size(); ++i) {
    if ((static_cast<unsigned char>(str.bytes[i]) & 0xC0) != 0x80) begins.push_back(i);
  }
  begins.push_back(static_cast<std::uint32_t>(str.bytes.size()));
  StrBuilder out(arena);
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
    out.append(str, begins[static_cast<std::size_t>(i)], begins[static_cast<std::size_t>(i) + 1]);
  }
  return out.finish();
}

}  // namespace

Value compute(Evaluator& evaluator, ExprKind operation, const Value& a, const Value& b) {
  if (operation == ExprKind::kModulo && a.is(Kind::kStr)) return format_percent(evaluator, *a.str, b);
  if (a.is_integer() && b.is_integer()) return compute_integers(operation, a.as_integer(), b.as_integer());
  if (a.is_number() && b.is_number() && !a.is(Kind::kFloat) && !b.is(Kind::kFloat)) throw_too_large();
  if (a.is_number() && b.is_number()) return compute_floats(operation, as_double(a), as_double(b));
  if (operation == ExprKind::kMultiply) {
    const bool a_repeats = a.is(Kind::kStr) || is_list_or_tuple(a), b_repeats = b.is(Kind::kStr) || is_list_or_tuple(b);
    if (a_repeats && b.is_integer()) return repeat(evaluator, a, b.as_integer());
    if (b_repeats && a.is_integer()) return repeat(evaluator, b, a.as_integer());
    if (a_repeats && b.is_defined()) {
      throw_runtime(fmt::format("can't multiply sequence by non-int of type '{}'", type_name(b)));
    }
  }
  throw_operands(operation, a, b);
}

Value negate(const Value& value) {
  if (value.is(Kind::kFloat)) return Value::of(-value.number);
  if (value.is_integer()) return compute_integers(ExprKind::kSubtract, 0, value.as_integer());
  if (!value.is_defined()) throw_undefined(value);
  throw_runtime(fmt::format("bad operand type for unary -: '{}'", type_name(value)));
}

Value Evaluator::add(const Value& a, const Value& b) {
  if (a.is(Kind::kStr) && b.is(Kind::kStr)) {
    StrBuilder out(arena_);
    const bool markup = a.str->markup || b.str->markup;
    out.append(markup && !a.str->markup ? *escape_markup(arena_, *a.str) : *a.str);
    out.append(markup && !b.str->markup ? *escape_markup(arena_, *b.str) : *b.str);
    if (markup) out.mark_markup();
    return Value::of(out.finish());
  }
  if (is_list_or_tuple(a) && is_list_or_tuple(b) && a.seq->type == b.seq->type) {
    const std::span<const Value> x = a.seq->items, y = b.seq->items;
    const std::span<Value> all = arena_.make_array<Value>(x.size() + y.size());
    std::ranges::copy(x, all.begin());
    std::ranges::copy(y, all.begin() + static_cast<std::ptrdiff_t>(x.size()));
    arena_.spend_bytes(all.size_bytes());
    return make_seq(arena_, a.seq->type, all);
  }
  if ((a.is(Kind::kStr) || is_list_or_tuple(a)) && b.is_defined()) {
    throw_runtime(fmt::format("can only concatenate {0} (not \"{1}\") to {0}", type_name(a), type_name(b)));
  }
  return compute(*this, ExprKind::kAdd, a, b);
}

bool Evaluator::compare(Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::kEqual: return equal(arena_, a, b);
    case Comparison::kNotEqual: return !equal(arena_, a, b);
    case Comparison::kLess: return less(arena_, a, b, "<");
    case Comparison::kGreater: return less(arena_, b, a, ">");
    case Comparison::kLessEqual: return less(arena_, a, b, "<=") || equal(arena_, a, b);
    case Comparison::kGreaterEqual: return less(arena_, b, a, ">=") || equal(arena_, a, b);
    case Comparison::kIn: return contains(b, a);
    case Comparison::kNotIn: return !contains(b, a);
  }
  return false;
}

bool Evaluator::contains(const Value& container, const Value& value) {
  switch (container.kind) {
    case Kind::kUndefined: return false;
    case Kind::kStr:
      if (!value.is(Kind::kStr)) {
        throw_runtime(fmt::format("'in <string>' requires string as left operand, not {}", type_name(value)));
      }
      return find_bytes(arena_, container.str->bytes, value.str->bytes) != std::string_view::npos;
    case Kind::kDict: return container.dict->find(arena_, value) != nullptr;
    case Kind::kSeq:
      for (const Value& item : iterate(container)) {
        if (equal(arena_, item, value)) return true;
      }
      return false;
    default: throw_runtime(fmt::format("argument of type '{}' is not iterable", type_name(container)));
  }
}

Value slice_value(Evaluator& evaluator, const Value& value, const Value* start, const Value* stop, const Value* step) {
  Arena& arena = evaluator.arena();
  if (!value.is_defined()) throw_undefined(value);
  const bool is_sequence = is_list_or_tuple(value) || (value.is(Kind::kSeq) && value.seq->type == SeqType::kRange);
  if (value.is(Kind::kDict)) throw_runtime("unhashable type: 'slice'");
  if (!value.is(Kind::kStr) && !is_sequence) {
    throw_runtime(fmt::format("'{}' object is not subscriptable", type_name(value)));
  }
  const auto size = static_cast<std::int64_t>(value.is(Kind::kStr) ? value.str->n_chars() : value.seq->items.size());
  const std::int64_t by = slice_step(step);
  if (by == 0) throw_runtime("slice step cannot be zero");
  const bool forwards = by > 0;
  const std::int64_t lowest = forwards ? 0 : -1, highest = forwards ? size : size - 1;
  const std::int64_t first = slice_bound(start, size, forwards ? 0 : size - 1, lowest, highest);
  const std::int64_t last = slice_bound(stop, size, forwards ? size : -1, lowest, highest);
  if (value.is(Kind::kStr)) return Value::of(slice_string(arena, *value.str, first, last, by));
  std::vector<Value> items;
  for (std::int64_t i = first; forwards ? i < last : i > last; i += by) {
    items.push_back(value.seq->items[static_cast<std::size_t>(i)]);
  }
  arena.spend_bytes(items.size() * sizeof(Value));
  return make_seq(arena, value.seq->type, arena.keep(items));
}

std::size_t find_bytes(Arena& arena, std::string_view text, std::string_view needle, std::size_t from) {
  constexpr std::size_t kShort = 32;
  if (from > text.size()) return std::string_view::npos;
  if (needle.size() <= kShort) {
    const std::size_t found = text.find(needle, from);
    arena.spend_bytes(std::min(found, text.size()) - from);
    return found;
  }
  // Knuth, Morris and Pratt: never more than two looks at a byte.
  arena.spend_bytes(needle.size());
  std::vector<std::size_t> border(needle.size(), 0);
  for (std::size_t i = 1, k = 0; i < needle.size(); ++i) {
    while (k > 0 && needle[i] != needle[k]) k = border[k - 1];
    if (needle[i] == needle[k]) ++k;
    border[i] = k;
  }
  std::size_t at = from;
  for (std::size_t k = 0; at < text.size() && k < needle.size(); ++at) {
    while (k > 0 && text[at] != needle[k]) k = border[k - 1];
    if (text[at] == needle[k]) ++k;
    if (k == needle.size()) {
      arena.spend_bytes(at - from);
      return at + 1 - needle.size();
    }
  }
  arena.spend_bytes(at - from);
  return std::string_view::npos;
}

}  // namespace hearth::text::jinja
