// Finding filters, tests and functions by name, and sorting arguments to parameters.
#include "text/jinja/library.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::text::jinja {

Bound::Bound(std::string_view function, const Arguments& arguments, std::initializer_list<std::string_view> parameters)
    : function_(function) {
  std::ranges::copy(parameters, names_.begin());
  if (arguments.positional.size() > parameters.size()) {
    throw_runtime(fmt::format("{}() takes at most {} arguments ({} given)", function, parameters.size(),
                              arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const Keyword& keyword : arguments.keywords) {
    const auto name = std::ranges::find(parameters, keyword.name);
    if (name == parameters.end()) {
      throw_runtime(fmt::format("{}() got an unexpected keyword argument '{}'", function, keyword.name));
    }
    const Value*& value = values_[static_cast<std::size_t>(name - parameters.begin())];
    if (value != nullptr) {
      throw_runtime(fmt::format("{}() got multiple values for argument '{}'", function, keyword.name));
    }
    value = &keyword.value;
  }
}

const Value& Bound::require(std::size_t idx) const {
  if (values_[idx] == nullptr) {
    throw_runtime(fmt::format("{}() missing 1 required positional argument: '{}'", function_, names_[idx]));
  }
  return *values_[idx];
}

std::int64_t Bound::integer(std::size_t idx, std::int64_t fallback) const {
  const Value* value = values_[idx];
  if (value == nullptr || value->is(Kind::kNone)) return fallback;
  if (!value->is_defined()) throw_undefined(*value);
  if (value->is_integer()) return value->as_integer();
  throw_runtime(fmt::format("{}(): '{}' must be an integer, not {}", function_, names_[idx], type_name(*value)));
}

bool Bound::truth(std::size_t idx, bool fallback) const {
  return values_[idx] == nullptr ? fallback : is_true(*values_[idx]);
}

const Str* Bound::string(std::size_t idx) const {
  const Value* value = values_[idx];
  if (value == nullptr || value->is(Kind::kNone)) return nullptr;
  if (!value->is_defined()) throw_undefined(*value);
  if (value->is(Kind::kStr)) return value->str;
  throw_runtime(fmt::format("{}(): '{}' must be str, not {}", function_, names_[idx], type_name(*value)));
}

const Str& Bound::require_string(std::size_t idx) const {
  const Value& value = require(idx);
  const Str* str = string(idx);
  if (str == nullptr) {
    throw_runtime(fmt::format("{}(): '{}' must be str, not {}", function_, names_[idx], type_name(value)));
  }
  return *str;
}

const FilterEntry* find_filter(std::string_view name) {
  for (const std::span<const FilterEntry> filters :
       {text_filters(), list_filters(), selection_filters(), number_filters()}) {
    const auto found = std::ranges::lower_bound(filters, name, {}, &FilterEntry::name);
    if (found != filters.end() && found->name == name) return &*found;
  }
  return nullptr;
}

}  // namespace hearth::text::jinja
