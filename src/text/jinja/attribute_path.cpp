// Following an attribute path from value to value.
#include "text/jinja/attribute_path.h"

#include <algorithm>
#include <charconv>

#include "text/jinja/methods.h"

namespace hearth::text::jinja {

AttributePath::AttributePath(Evaluator& evaluator, const Value& path) {
  if (path.is_integer()) {
    parts_.push_back(path);
    return;
  }
  if (!path.is(Kind::kStr)) return;
  std::string_view rest = path.str->bytes;
  for (;;) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    const bool is_number = error == std::errc() && end == part.data() + part.size() && !part.starts_with('-');
    parts_.push_back(is_number ? Value::of(number) : Value::of(view_str(evaluator.arena(), part, Origin::kTemplate)));
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
}

Value AttributePath::of(Evaluator& evaluator, Value value, const Value* fallback) const {
  for (const Value& part : parts_) {
    value = evaluator.item(value, part);
    if (!value.is_defined() && fallback != nullptr) value = *fallback;
  }
  return value;
}

Value fold_case(Evaluator& evaluator, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.is(Kind::kStr)) return value;
  return Value::of(map_case(evaluator.arena(), *value.str, CaseMapping::kLower));
}

}  // namespace hearth::text::jinja
