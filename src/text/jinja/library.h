// The names that every template may use: filters, tests and functions, and how their arguments are read.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string_view>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Evaluator;

struct Keyword {
  std::string_view name;
  Value value;
};

/// The arguments of a call as given.
struct Arguments {
  std::span<const Value> positional;
  std::span<const Keyword> keywords;
};

/// Arguments sorted to the parameters of a function of ours. Throws a Fault for one too many and for unknown names.
class Bound {
 public:
  static constexpr std::size_t kMost = 8;

  Bound(std::string_view function, const Arguments& arguments, std::initializer_list<std::string_view> parameters);

  /// Null where it was not given.
  [[nodiscard]] const Value* find(std::size_t idx) const { return values_[idx]; }
  /// Throws where it was not given.
  [[nodiscard]] const Value& require(std::size_t idx) const;
  [[nodiscard]] std::int64_t integer(std::size_t idx, std::int64_t fallback) const;
  [[nodiscard]] bool truth(std::size_t idx, bool fallback) const;
  /// A string or `fallback`; anything else is a Fault. None counts as not given.
  [[nodiscard]] const Str* string(std::size_t idx) const;
  [[nodiscard]] const Str& require_string(std::size_t idx) const;

 private:
  std::string_view function_;
  std::array<std::string_view, kMost> names_{};
  std::array<const Value*, kMost> values_{};
};

struct FilterEntry {
  std::string_view name;
  Value (*apply)(Evaluator& evaluator, const Value& subject, const Arguments& arguments);
};

struct TestEntry {
  std::string_view name;
  bool (*holds)(Evaluator& evaluator, const Value& subject, const Arguments& arguments);
};

/// A function that templates call by name.
struct Function {
  std::string_view name;
  Value (*call)(Evaluator& evaluator, const Arguments& arguments);
};

/// A function of a value: 'text'.upper. With `state`, of a loop or another object.
struct Method {
  std::string_view name;
  Value self;
  Value (*call)(Evaluator& evaluator, const Value& self, const Arguments& arguments);
};

/// Null when there is none.
const FilterEntry* find_filter(std::string_view name);
const TestEntry* find_test(std::string_view name);
const Function* find_function(std::string_view name);

/// The parts of the tables above, each sorted by name where it is defined.
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> list_filters();
std::span<const FilterEntry> selection_filters();

}  // namespace hearth::text::jinja
