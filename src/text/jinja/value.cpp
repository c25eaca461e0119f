// Truth, equality, order and names of values.
#include "text/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace hearth::text::jinja {

namespace {

constexpr std::size_t kSmallDict = 8;

void check_depth(int depth) {
  if (depth > kMaxValueDepth) throw_fuel(fmt::format("its values are nested deeper than {}", kMaxValueDepth));
}

int sign(bool is_less, bool is_greater) {
  return is_less ? -1 : (is_greater ? 1 : 0);
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.is(Kind::kHuge) && b.is(Kind::kHuge)) {
    const std::string_view x = a.str->bytes, y = b.str->bytes;
    return x.size() != y.size() ? sign(x.size() < y.size(), true) : x.compare(y);
  }
  if (a.is_integer() && b.is_integer()) return sign(a.as_integer() < b.as_integer(), a.as_integer() > b.as_integer());
  const double x = as_double(a), y = as_double(b);
  return sign(x<y, x> y);
}

bool equal_seqs(Arena& arena, const Seq& a, const Seq& b, int depth) {
  if (&a == &b) return true;
  if (a.type != b.type || a.is_once() || a.type == SeqType::kValues || a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!equal(arena, a.items[i], b.items[i], depth + 1)) return false;
  }
  return true;
}

bool equal_dicts(Arena& arena, const Dict& a, const Dict& b, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::ranges::all_of(a.entries, [&](const Entry& entry) {
    const Value* other = b.find(arena, entry.key);
    return other != nullptr && equal(arena, entry.value, *other, depth + 1);
  });
}

/// Where a key stands among keys of other types.
int key_group(const Value& key) {
  switch (key.kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kHuge:
    case Kind::kFloat: return 0;
    case Kind::kStr: return 1;
    case Kind::kNone: return 2;
    case Kind::kUndefined: return 3;
    case Kind::kSeq:
      if (key.seq->type == SeqType::kTuple) return 4;
      if (key.seq->type == SeqType::kList) throw_runtime("unhashable type: 'list'");
      return 5;
    case Kind::kDict: throw_runtime("unhashable type: 'dict'");
    default: return 5;
  }
}

}  // namespace

Value make_seq(Arena& arena, SeqType type, std::span<const Value> items) {
  return Value::of(arena.make(Seq{type, items, 0}));
}
Value make_list(Arena& arena, const std::vector<Value>& items) {
  return make_seq(arena, SeqType::kList, arena.keep(items));
}
Value make_pair(Arena& arena, const Value& first, const Value& second) {
  const std::span<Value> items = arena.make_array<Value>(2);
  items[0] = first;
  items[1] = second;
  return make_seq(arena, SeqType::kTuple, items);
}

double as_double(const Value& value) {
  if (value.is(Kind::kFloat)) return value.number;
  if (value.is(Kind::kHuge)) return std::strtod(std::string(value.str->bytes).c_str(), nullptr);
  return static_cast<double>(value.as_integer());
}

bool is_true(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool: return value.boolean;
    case Kind::kInt: return value.integer != 0;
    case Kind::kFloat: return value.number != 0;
    case Kind::kStr: return !value.str->bytes.empty();
    case Kind::kSeq: return value.seq->is_once() || !value.seq->items.empty();
    case Kind::kDict: return !value.dict->entries.empty();
    default: return true;
  }
}

bool equal(Arena& arena, const Value& a, const Value& b, int depth) {
  check_depth(depth);
  arena.spend(1);
  if (a.is_number() && b.is_number()) {
    if (a.is(Kind::kFloat) && std::isnan(a.number)) return false;
    if (b.is(Kind::kFloat) && std::isnan(b.number)) return false;
    return compare_numbers(a, b) == 0;
  }
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kStr: return a.str->bytes == b.str->bytes;
    case Kind::kSeq: return equal_seqs(arena, *a.seq, *b.seq, depth);
    case Kind::kDict: return equal_dicts(arena, *a.dict, *b.dict, depth);
    case Kind::kNone:
    case Kind::kUndefined: return true;
    default: return a.missing == b.missing;  // the same object
  }
}

bool less(Arena& arena, const Value& a, const Value& b, std::string_view operation, int depth) {
  check_depth(depth);
  arena.spend(1);
  if (!a.is_defined()) throw_undefined(a);
  if (!b.is_defined()) throw_undefined(b);
  if (a.is_number() && b.is_number()) {
    const bool has_nan = std::isnan(as_double(a)) || std::isnan(as_double(b));
    return !has_nan && compare_numbers(a, b) < 0;
  }
  if (a.is(Kind::kStr) && b.is(Kind::kStr)) return a.str->bytes < b.str->bytes;  // UTF-8 orders as code points do
  const bool lists = a.is(Kind::kSeq) && b.is(Kind::kSeq) && a.seq->type == b.seq->type &&
                     (a.seq->type == SeqType::kList || a.seq->type == SeqType::kTuple);
  if (!lists) {
    throw_runtime(
        fmt::format("'{}' not supported between instances of '{}' and '{}'", operation, type_name(a), type_name(b)));
  }
  const std::size_t n = std::min(a.seq->items.size(), b.seq->items.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (!equal(arena, a.seq->items[i], b.seq->items[i], depth + 1)) {
      return less(arena, a.seq->items[i], b.seq->items[i], operation, depth + 1);
    }
  }
  return a.seq->items.size() < b.seq->items.size();
}

int compare_keys(Arena& arena, const Value& a, const Value& b, int depth) {
  check_depth(depth);
  arena.spend(1);
  const int group_a = key_group(a), group_b = key_group(b);
  if (group_a != group_b) return sign(group_a<group_b, group_a> group_b);
  switch (group_a) {
    case 0: return compare_numbers(a, b);
    case 1: return a.str->bytes.compare(b.str->bytes);
    case 4: {
      const auto x = a.seq->items, y = b.seq->items;
      for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
        if (const int order = compare_keys(arena, x[i], y[i], depth + 1); order != 0) return order;
      }
      return sign(x.size() < y.size(), x.size() > y.size());
    }
    case 5: return sign(std::less<>()(a.missing, b.missing), std::less<>()(b.missing, a.missing));
    default: return 0;
  }
}

bool DictBuilder::KeyLess::operator()(const Value& a, const Value& b) const {
  return compare_keys(*arena, a, b) < 0;
}

void DictBuilder::set(const Value& key, const Value& value) {
  if (entries_.size() < kSmallDict) {
    static_cast<void>(compare_keys(*arena_, key, key));  // refuses what cannot be a key
    for (Entry& entry : entries_) {
      if (compare_keys(*arena_, entry.key, key) == 0) {
        entry.value = value;
        return;
      }
    }
    entries_.push_back({key, value});
    return;
  }
  if (places_.empty()) {
    for (std::size_t i = 0; i < entries_.size(); ++i) places_.emplace(entries_[i].key, i);
  }
  const auto [place, is_new] = places_.emplace(key, entries_.size());
  if (is_new) {
    entries_.push_back({key, value});
  } else {
    entries_[place->second].value = value;
  }
}

const Value* Dict::find(Arena& arena, const Value& key) const {
  if (entries.size() <= kSmallDict) {
    static_cast<void>(compare_keys(arena, key, key));
    for (const Entry& entry : entries) {
      if (compare_keys(arena, entry.key, key) == 0) return &entry.value;
    }
    return nullptr;
  }
  if (order.empty()) {
    const std::span<std::uint32_t> sorted = arena.make_array<std::uint32_t>(entries.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = static_cast<std::uint32_t>(i);
    std::ranges::sort(sorted, [&](std::uint32_t a, std::uint32_t b) {
      return compare_keys(arena, entries[a].key, entries[b].key) < 0;
    });
    order = sorted;
  }
  const auto found = std::ranges::lower_bound(
      order, 0, [](int a, int b) { return a < b; },
      [&](std::uint32_t i) { return compare_keys(arena, entries[i].key, key); });
  if (found == order.end() || compare_keys(arena, entries[*found].key, key) != 0) return nullptr;
  return &entries[*found].value;
}

std::string_view type_name(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt:
    case Kind::kHuge: return "int";
    case Kind::kFloat: return "float";
    case Kind::kStr: return value.str->markup ? "Markup" : "str";
    case Kind::kSeq: break;
    case Kind::kDict: return "dict";
    case Kind::kNamespace: return "Namespace";
    case Kind::kFunction: return "function";
    case Kind::kMethod: return "builtin_function_or_method";
    case Kind::kMacro: return "Macro";
    case Kind::kLoop: return "LoopContext";
  }
  switch (value.seq->type) {
    case SeqType::kList: return "list";
    case SeqType::kTuple: return "tuple";
    case SeqType::kRange: return "range";
    case SeqType::kGenerator: return "generator";
    case SeqType::kReversed: return "list_reverseiterator";
    case SeqType::kKeys: return "dict_keys";
    case SeqType::kValues: return "dict_values";
    case SeqType::kItems: return "dict_items";
  }
  return "object";
}

std::string_view object_name(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined: return "jinja2.runtime.Undefined object";
    case Kind::kNone: return "None";
    case Kind::kBool: return "bool object";
    case Kind::kInt:
    case Kind::kHuge: return "int object";
    case Kind::kFloat: return "float object";
    case Kind::kStr: return value.str->markup ? "markupsafe.Markup object" : "str object";
    case Kind::kSeq: break;
    case Kind::kDict: return "dict object";
    case Kind::kNamespace: return "jinja2.utils.Namespace object";
    case Kind::kFunction: return "function object";
    case Kind::kMethod: return "builtin_function_or_method object";
    case Kind::kMacro: return "jinja2.runtime.Macro object";
    case Kind::kLoop: return "jinja2.runtime.LoopContext object";
  }
  switch (value.seq->type) {
    case SeqType::kList: return "list object";
    case SeqType::kTuple: return "tuple object";
    case SeqType::kRange: return "range object";
    case SeqType::kGenerator: return "generator object";
    case SeqType::kReversed: return "list_reverseiterator object";
    case SeqType::kKeys: return "dict_keys object";
    case SeqType::kValues: return "dict_values object";
    case SeqType::kItems: return "dict_items object";
  }
  return "object";
}

}  // namespace hearth::text::jinja
