// Filters that apply something to every item: map, and the four that choose by a test.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/jinja/attribute_path.h"
#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

namespace {

Value make_generator(Evaluator& evaluator, const std::vector<Value>& items) {
  return make_seq(evaluator.arena(), SeqType::kGenerator, evaluator.arena().keep(items));
}

Value map(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  std::vector<Value> out;
  if (!is_true(subject)) return make_generator(evaluator, out);  // of None there are no items either
  if (arguments.positional.empty()) {
    const Bound bound("map", arguments, {"attribute", "default"});
    if (bound.find(0) == nullptr) throw_runtime("map requires a filter argument");
    const AttributePath path(evaluator, bound.require(0));
    for (const Value& item : evaluator.iterate(subject)) out.push_back(path.of(evaluator, item, bound.find(1)));
    return make_generator(evaluator, out);
  }
  const Value& name = arguments.positional.front();
  if (!name.is(Kind::kStr)) throw_runtime("map requires a filter argument");
  const Arguments rest{arguments.positional.subspan(1), arguments.keywords};
  for (const Value& item : evaluator.iterate(subject)) {
    out.push_back(evaluator.apply_filter(name.str->bytes, item, rest));
  }
  return make_generator(evaluator, out);
}

template <bool kByAttribute, bool kWanted>
Value choose(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  if (!is_true(subject)) return make_generator(evaluator, {});
  std::span<const Value> given = arguments.positional;
  std::optional<AttributePath> path;
  if (kByAttribute) {
    if (given.empty()) throw_runtime("Missing parameter for attribute name");
    path.emplace(evaluator, given.front());
    given = given.subspan(1);
  }
  if (!given.empty() && !given.front().is(Kind::kStr)) throw_runtime("the name of a test must be a text");
  std::vector<Value> out;
  for (const Value& item : evaluator.iterate(subject)) {
    const Value tested = path ? path->of(evaluator, item) : item;
    const bool holds =
        given.empty() ? is_true(tested)
                      : evaluator.apply_test(given.front().str->bytes, tested, {given.subspan(1), arguments.keywords});
    if (holds == kWanted) out.push_back(item);
  }
  return make_generator(evaluator, out);
}

constexpr std::array kSelectionFilters = {
    FilterEntry{"map", map},
    FilterEntry{"reject", choose<false, false>},
    FilterEntry{"rejectattr", choose<true, false>},
    FilterEntry{"select", choose<false, true>},
    FilterEntry{"selectattr", choose<true, true>},
};

}  // namespace

std::span<const FilterEntry> selection_filters() {
  return kSelectionFilters;
}

}  // namespace hearth::text::jinja
