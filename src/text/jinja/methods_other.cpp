// The methods of dicts, lists, tuples and the variable loop.
#include <algorithm>
#include <array>

#include "text/jinja/evaluator.h"
#include "text/jinja/methods.h"

namespace hearth::text::jinja {

namespace {

Value keys(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("keys", arguments, {});
  return make_seq(evaluator.arena(), SeqType::kKeys, evaluator.iterate(self));
}

Value values(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("values", arguments, {});
  const std::span<Value> all = evaluator.arena().make_array<Value>(self.dict->entries.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = self.dict->entries[i].value;
  return make_seq(evaluator.arena(), SeqType::kValues, all);
}

Value items(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("items", arguments, {});
  const std::span<Value> all = evaluator.arena().make_array<Value>(self.dict->entries.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = make_pair(evaluator.arena(), self.dict->entries[i].key, self.dict->entries[i].value);
  }
  return make_seq(evaluator.arena(), SeqType::kItems, all);
}

Value get(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  if (!arguments.keywords.empty()) throw_runtime("dict.get() takes no keyword arguments");
  const Bound bound("get", arguments, {"key", "default"});
  const Value* found = self.dict->find(evaluator.arena(), bound.require(0));
  if (found != nullptr) return *found;
  return bound.find(1) == nullptr ? Value::none() : *bound.find(1);
}

Value copy(Evaluator&, const Value& self, const Arguments& arguments) {
  const Bound bound("copy", arguments, {});
  return self;  // nothing can change it
}

Value count_items(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"value"});
  return Value::of(static_cast<std::int64_t>(std::ranges::count_if(
      self.seq->items, [&](const Value& item) { return equal(evaluator.arena(), item, bound.require(0)); })));
}

Value index(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  const Bound bound("index", arguments, {"value"});
  for (std::size_t i = 0; i < self.seq->items.size(); ++i) {
    if (equal(evaluator.arena(), self.seq->items[i], bound.require(0))) return Value::of(static_cast<std::int64_t>(i));
  }
  StrBuilder shown(evaluator.arena());
  append_repr(shown, bound.require(0));
  throw_runtime(shown.bytes() +
                (self.seq->type == SeqType::kList ? " is not in list" : ": tuple.index(x): x not in tuple"));
}

Value cycle(Evaluator&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) throw_runtime("no items for cycling given");
  return arguments.positional[self.loop->idx % arguments.positional.size()];
}

Value changed(Evaluator& evaluator, const Value& self, const Arguments& arguments) {
  Loop& loop = *self.loop;
  const Value now = make_seq(evaluator.arena(), SeqType::kTuple, arguments.positional);
  if (loop.has_seen && equal(evaluator.arena(), loop.seen, now)) return Value::of(false);
  loop.has_seen = true;
  loop.seen = now;
  return Value::of(true);
}

constexpr std::array kDictMethods = {
    MethodEntry{"clear", nullptr},  MethodEntry{"copy", copy},       MethodEntry{"fromkeys", nullptr},
    MethodEntry{"get", get},        MethodEntry{"items", items},     MethodEntry{"keys", keys},
    MethodEntry{"pop", nullptr},    MethodEntry{"popitem", nullptr}, MethodEntry{"setdefault", nullptr},
    MethodEntry{"update", nullptr}, MethodEntry{"values", values},
};
constexpr std::array kListMethods = {
    MethodEntry{"append", nullptr},    MethodEntry{"clear", nullptr},  MethodEntry{"copy", copy},
    MethodEntry{"count", count_items}, MethodEntry{"extend", nullptr}, MethodEntry{"index", index},
    MethodEntry{"insert", nullptr},    MethodEntry{"pop", nullptr},    MethodEntry{"remove", nullptr},
    MethodEntry{"reverse", nullptr},   MethodEntry{"sort", nullptr},
};
constexpr std::array kTupleMethods = {MethodEntry{"count", count_items}, MethodEntry{"index", index}};
constexpr std::array kLoopMethods = {MethodEntry{"changed", changed}, MethodEntry{"cycle", cycle}};
static_assert(std::ranges::is_sorted(kDictMethods, {}, &MethodEntry::name));
static_assert(std::ranges::is_sorted(kListMethods, {}, &MethodEntry::name));

}  // namespace

std::span<const MethodEntry> dict_methods() {
  return kDictMethods;
}
std::span<const MethodEntry> list_methods() {
  return kListMethods;
}
std::span<const MethodEntry> tuple_methods() {
  return kTupleMethods;
}
std::span<const MethodEntry> loop_methods() {
  return kLoopMethods;
}

}  // namespace hearth::text::jinja
