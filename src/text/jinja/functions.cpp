// The functions that every template may call, those that Hugging Face adds included.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

namespace {

constexpr std::uint64_t kLongestRange = 100'000;  // Jinja's sandbox has the same limit

Value range(Evaluator& evaluator, const Arguments& arguments) {
  const Bound bound("range", arguments, {"start", "stop", "step"});
  if (bound.find(0) == nullptr) throw_runtime("range expected at least 1 argument, got 0");
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    if (!bound.require(i).is_integer() && bound.require(i).is_defined()) {
      throw_runtime(fmt::format("'{}' object cannot be interpreted as an integer", type_name(bound.require(i))));
    }
  }
  const bool has_stop = arguments.positional.size() > 1;
  const std::int64_t start = has_stop ? bound.integer(0, 0) : 0;
  const std::int64_t stop = has_stop ? bound.integer(1, 0) : bound.integer(0, 0);
  const std::int64_t step = bound.integer(2, 1);
  if (step == 0) throw_runtime("range() arg 3 must not be zero");
  std::uint64_t n = 0;
  if (step > 0 ? start < stop : start > stop) {
    const std::uint64_t distance = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                            : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
    const std::uint64_t stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
    n = (distance - 1) / stride + 1;
  }
  if (n > kLongestRange) {
    throw_fuel(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kLongestRange));
  }
  const std::span<Value> items = evaluator.arena().make_array<Value>(n);
  for (std::size_t i = 0; i < n; ++i) items[i] = Value::of(start + static_cast<std::int64_t>(i) * step);
  evaluator.arena().spend_bytes(items.size_bytes());
  return Value::of(evaluator.arena().make(Seq{SeqType::kRange, items, static_cast<std::size_t>(stop)}));
}

/// What dict() and namespace() take: a mapping or pairs, and named values.
void collect(Evaluator& evaluator, const Arguments& arguments, DictBuilder& out) {
  if (arguments.positional.size() > 1) throw_runtime("dict expected at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& given = arguments.positional.front();
    if (given.is(Kind::kDict)) {
      for (const Entry& entry : given.dict->entries) out.set(entry.key, entry.value);
    } else {
      for (const Value& pair : evaluator.iterate(given)) {
        const std::span<const Value> both = evaluator.iterate(pair);
        if (both.size() != 2) throw_runtime("dictionary update sequence element does not have length 2");
        out.set(both[0], both[1]);
      }
    }
  }
  for (const Keyword& keyword : arguments.keywords) out.set(evaluator.text(keyword.name), keyword.value);
}

Value make_dict(Evaluator& evaluator, const Arguments& arguments) {
  DictBuilder entries(evaluator.arena());
  collect(evaluator, arguments, entries);
  return Value::of(entries.finish());
}

Value make_namespace(Evaluator& evaluator, const Arguments& arguments) {
  DictBuilder entries(evaluator.arena());
  collect(evaluator, arguments, entries);
  return evaluator.make_namespace(entries.entries());
}

Value raise_exception(Evaluator& evaluator, const Arguments& arguments) {
  const Bound bound("raise_exception", arguments, {"message"});
  throw Fault{Fault::Kind::kRefusal, std::string(to_str(evaluator.arena(), bound.require(0))->bytes)};
}

Value strftime_now(Evaluator& evaluator, const Arguments& arguments) {
  const Bound bound("strftime_now", arguments, {"format"});
  if (!evaluator.now()) throw_runtime("the template asks for the time, but none was given");
  return evaluator.text(format_time(*evaluator.now(), bound.require_string(0).bytes));
}

constexpr std::array kFunctions = {
    Function{"dict", make_dict}, Function{"namespace", make_namespace},  Function{"raise_exception", raise_exception},
    Function{"range", range},    Function{"strftime_now", strftime_now},
};

}  // namespace

const Function* find_function(std::string_view name) {
  const auto found = std::ranges::find(kFunctions, name, &Function::name);
  return found == kFunctions.end() ? nullptr : &*found;
}

}  // namespace hearth::text::jinja
