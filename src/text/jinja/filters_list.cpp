// Filters over lists and dicts: order, groups, sums, joins.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/jinja/attribute_path.h"
#include "text/jinja/evaluator.h"

namespace hearth::text::jinja {

namespace {

Value length(Evaluator&, const Value& subject, const Arguments& arguments) {
  const Bound bound("length", arguments, {});
  switch (subject.kind) {
    case Kind::kUndefined: return Value::of(std::int64_t{0});
    case Kind::kStr: return Value::of(std::int64_t{subject.str->n_chars()});
    case Kind::kDict: return Value::of(static_cast<std::int64_t>(subject.dict->entries.size()));
    case Kind::kSeq:
      if (!subject.seq->is_once()) return Value::of(static_cast<std::int64_t>(subject.seq->items.size()));
      break;
    case Kind::kLoop: return Value::of(static_cast<std::int64_t>(subject.loop->items.size()));
    default: break;
  }
  throw_runtime(fmt::format("object of type '{}' has no len()", type_name(subject)));
}

Value default_value(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("default", arguments, {"default_value", "boolean"});
  const bool missing = !subject.is_defined() || (bound.truth(1, false) && !is_true(subject));
  if (!missing) return subject;
  return bound.find(0) == nullptr ? evaluator.text({}) : *bound.find(0);
}

Value first(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("first", arguments, {});
  const std::span<const Value> items = evaluator.iterate(subject);
  return items.empty() ? evaluator.undefined_because("No first item, sequence was empty.") : items.front();
}

Value last(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("last", arguments, {});
  if (subject.is(Kind::kSeq) && subject.seq->type == SeqType::kGenerator) {
    throw_runtime("'generator' object is not reversible");
  }
  const std::span<const Value> items = evaluator.iterate(subject);
  return items.empty() ? evaluator.undefined_because("No last item, sequence was empty.") : items.back();
}

Value list(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("list", arguments, {});
  return make_seq(evaluator.arena(), SeqType::kList, evaluator.iterate(subject));
}

Value items(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("items", arguments, {});
  if (!subject.is_defined()) return make_seq(evaluator.arena(), SeqType::kGenerator, {});
  if (!subject.is(Kind::kDict)) throw_runtime("Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const Entry& entry : subject.dict->entries)
    pairs.push_back(make_pair(evaluator.arena(), entry.key, entry.value));
  return make_seq(evaluator.arena(), SeqType::kGenerator, evaluator.arena().keep(pairs));
}

Value join(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("join", arguments, {"d", "attribute"});
  std::optional<AttributePath> path;
  if (const Value* attribute = bound.find(1); attribute != nullptr && !attribute->is(Kind::kNone)) {
    path.emplace(evaluator, *attribute);
  }
  const Str* separator = bound.find(0) == nullptr ? nullptr : to_str(evaluator.arena(), *bound.find(0));
  StrBuilder out(evaluator.arena());
  bool is_first = true;
  for (const Value& item : evaluator.iterate(subject)) {
    if (!is_first && separator != nullptr) out.append(*separator);
    is_first = false;
    out.append(*to_str(evaluator.arena(), path ? path->of(evaluator, item) : item));
  }
  return Value::of(out.finish());
}

Value reverse(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("reverse", arguments, {});
  if (subject.is(Kind::kStr)) {
    const Value back = Value::of(std::int64_t{-1});
    return slice_value(evaluator, subject, nullptr, nullptr, &back);
  }
  const std::span<const Value> given = evaluator.iterate(subject);
  const std::span<Value> turned = evaluator.arena().make_array<Value>(given.size());
  std::ranges::reverse_copy(given, turned.begin());
  evaluator.arena().spend_bytes(turned.size_bytes());
  return make_seq(evaluator.arena(), SeqType::kReversed, turned);
}

/// An item with what it is compared by.
struct Keyed {
  std::vector<Value> keys;
  Value item;
};

void sort_keyed(Evaluator& evaluator, std::vector<Keyed>& all, bool descending) {
  const auto before = [&](const Keyed& a, const Keyed& b) {
    for (std::size_t i = 0; i < a.keys.size(); ++i) {
      if (!equal(evaluator.arena(), a.keys[i], b.keys[i])) {
        return descending ? less(evaluator.arena(), b.keys[i], a.keys[i])
                          : less(evaluator.arena(), a.keys[i], b.keys[i]);
      }
    }
    return false;
  };
  std::ranges::stable_sort(all, before);
}

/// The paths of an attribute argument: "a,b.c", a number, or nothing.
std::vector<AttributePath> read_paths(Evaluator& evaluator, const Value* attribute) {
  std::vector<AttributePath> paths;
  if (attribute == nullptr || attribute->is(Kind::kNone)) return paths;
  if (!attribute->is(Kind::kStr)) {
    paths.emplace_back(evaluator, *attribute);
    return paths;
  }
  std::size_t begin = 0;
  const Str& text = *attribute->str;
  while (begin <= text.bytes.size()) {
    const std::size_t end = std::min(text.bytes.find(',', begin), text.bytes.size());
    paths.emplace_back(evaluator, Value::of(slice_str(evaluator.arena(), text, begin, end)));
    begin = end + 1;
  }
  return paths;
}

std::vector<Keyed> key_items(Evaluator& evaluator, const Value& subject, const Value* attribute, bool case_sensitive,
                             const Value* fallback = nullptr) {
  const std::vector<AttributePath> paths = read_paths(evaluator, attribute);
  std::vector<Keyed> all;
  for (const Value& item : evaluator.iterate(subject)) {
    Keyed keyed{{}, item};
    if (paths.empty()) keyed.keys.push_back(fold_case(evaluator, item, case_sensitive));
    for (const AttributePath& path : paths) {
      keyed.keys.push_back(fold_case(evaluator, path.of(evaluator, item, fallback), case_sensitive));
    }
    all.push_back(std::move(keyed));
  }
  return all;
}

Value list_of(Evaluator& evaluator, const std::vector<Keyed>& all) {
  const std::span<Value> items = evaluator.arena().make_array<Value>(all.size());
  std::ranges::transform(all, items.begin(), &Keyed::item);
  return make_seq(evaluator.arena(), SeqType::kList, items);
}

Value sort(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Keyed> all = key_items(evaluator, subject, bound.find(2), bound.truth(1, false));
  sort_keyed(evaluator, all, bound.truth(0, false));
  return list_of(evaluator, all);
}

Value dict_sort(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string_view by = bound.string(1) == nullptr ? "key" : bound.string(1)->bytes;
  if (by != "key" && by != "value") throw_runtime("You can only sort by either \"key\" or \"value\"");
  if (!subject.is_defined()) throw_undefined(subject);
  if (!subject.is(Kind::kDict)) {
    throw_runtime(fmt::format("'{}' has no attribute 'items'", object_name(subject)));
  }
  std::vector<Keyed> all;
  for (const Entry& entry : subject.dict->entries) {
    const Value& key = by == "key" ? entry.key : entry.value;
    all.push_back(
        {{fold_case(evaluator, key, bound.truth(0, false))}, make_pair(evaluator.arena(), entry.key, entry.value)});
  }
  sort_keyed(evaluator, all, bound.truth(2, false));
  return list_of(evaluator, all);
}

Value unique(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("unique", arguments, {"case_sensitive", "attribute"});
  DictBuilder seen(evaluator.arena());
  std::vector<Value> kept;
  for (const Keyed& keyed : key_items(evaluator, subject, bound.find(1), bound.truth(0, false))) {
    const std::size_t n_before = seen.entries().size();
    seen.set(keyed.keys.front(), keyed.item);
    if (seen.entries().size() > n_before) kept.push_back(keyed.item);
  }
  return make_seq(evaluator.arena(), SeqType::kGenerator, evaluator.arena().keep(kept));
}

/// Pairs of a key and the items that share it, in the order of the keys.
Value group_by(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("groupby", arguments, {"attribute", "default", "case_sensitive"});
  const AttributePath path(evaluator, bound.require(0));
  std::vector<Keyed> all = key_items(evaluator, subject, &bound.require(0), bound.truth(2, false), bound.find(1));
  sort_keyed(evaluator, all, false);
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < all.size();) {
    std::vector<Value> members;
    std::size_t end = begin;
    while (end < all.size() && equal(evaluator.arena(), all[begin].keys.front(), all[end].keys.front())) {
      members.push_back(all[end++].item);
    }
    const Value key = path.of(evaluator, all[begin].item, bound.find(1));
    groups.push_back(make_pair(evaluator.arena(), key, make_list(evaluator.arena(), members)));
    begin = end;
  }
  return make_list(evaluator.arena(), groups);
}

template <bool kLargest>
Value extreme(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound(kLargest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const std::vector<Keyed> all = key_items(evaluator, subject, bound.find(1), bound.truth(0, false));
  if (all.empty()) return evaluator.undefined_because("No aggregated item, sequence was empty.");
  const Keyed* best = &all.front();
  for (const Keyed& keyed : all) {
    const Value &key = keyed.keys.front(), &top = best->keys.front();
    if (kLargest ? less(evaluator.arena(), top, key, ">") : less(evaluator.arena(), key, top)) best = &keyed;
  }
  return best->item;
}

Value sum(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("sum", arguments, {"attribute", "start"});
  std::optional<AttributePath> path;
  if (const Value* attribute = bound.find(0); attribute != nullptr && !attribute->is(Kind::kNone)) {
    path.emplace(evaluator, *attribute);
  }
  Value total = bound.find(1) == nullptr ? Value::of(std::int64_t{0}) : *bound.find(1);
  if (total.is(Kind::kStr)) throw_runtime("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : evaluator.iterate(subject)) {
    total = evaluator.add(total, path ? path->of(evaluator, item) : item);
  }
  return total;
}

/// Lists of `linecount` items, the last filled up where asked.
Value batch(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("batch", arguments, {"linecount", "fill_with"});
  const std::int64_t size = bound.integer(0, 0);
  if (size < 1) throw_runtime("batch(): linecount must be at least 1");
  std::vector<Value> batches, current;
  for (const Value& item : evaluator.iterate(subject)) {
    if (current.size() == static_cast<std::size_t>(size)) {
      batches.push_back(make_list(evaluator.arena(), current));
      current.clear();
    }
    current.push_back(item);
  }
  const Value* fill = bound.find(1);
  if (!current.empty()) {
    const auto filled = static_cast<std::size_t>(std::min<std::int64_t>(size, 1 << 20));
    if (fill != nullptr && !fill->is(Kind::kNone) && current.size() < filled) current.resize(filled, *fill);
    batches.push_back(make_list(evaluator.arena(), current));
  }
  return make_seq(evaluator.arena(), SeqType::kGenerator, evaluator.arena().keep(batches));
}

/// `slices` lists of nearly the same length.
Value slice(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("slice", arguments, {"slices", "fill_with"});
  const std::int64_t n_slices = bound.integer(0, 0);
  if (n_slices < 1 || n_slices > 100'000) throw_runtime("slice(): slices must be between 1 and 100000");
  const std::span<const Value> given = evaluator.iterate(subject);
  const auto n = static_cast<std::size_t>(n_slices);
  const std::size_t per_slice = given.size() / n, n_longer = given.size() % n;
  std::vector<Value> slices;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t size = per_slice + (i < n_longer ? 1 : 0);
    std::vector<Value> part(given.begin() + static_cast<std::ptrdiff_t>(begin),
                            given.begin() + static_cast<std::ptrdiff_t>(begin + size));
    const Value* fill = bound.find(1);
    if (fill != nullptr && !fill->is(Kind::kNone) && i >= n_longer) part.push_back(*fill);
    slices.push_back(make_list(evaluator.arena(), part));
    begin += size;
  }
  return make_seq(evaluator.arena(), SeqType::kGenerator, evaluator.arena().keep(slices));
}

Value attr(Evaluator& evaluator, const Value& subject, const Arguments& arguments) {
  const Bound bound("attr", arguments, {"name"});
  // Unlike a dot, it does not look for items.
  const Value found = evaluator.attribute(subject, *to_str(evaluator.arena(), bound.require(0)));
  return subject.is(Kind::kDict) && !found.is(Kind::kMethod)
             ? evaluator.undefined(object_name(subject), bound.require(0))
             : found;
}

constexpr std::array kListFilters = {
    FilterEntry{"attr", attr},
    FilterEntry{"batch", batch},
    FilterEntry{"count", length},
    FilterEntry{"d", default_value},
    FilterEntry{"default", default_value},
    FilterEntry{"dictsort", dict_sort},
    FilterEntry{"first", first},
    FilterEntry{"groupby", group_by},
    FilterEntry{"items", items},
    FilterEntry{"join", join},
    FilterEntry{"last", last},
    FilterEntry{"length", length},
    FilterEntry{"list", list},
    FilterEntry{"max", extreme<true>},
    FilterEntry{"min", extreme<false>},
    FilterEntry{"reverse", reverse},
    FilterEntry{"slice", slice},
    FilterEntry{"sort", sort},
    FilterEntry{"sum", sum},
    FilterEntry{"unique", unique},
};
static_assert(std::ranges::is_sorted(kListFilters, {}, &FilterEntry::name));

}  // namespace

std::span<const FilterEntry> list_filters() {
  return kListFilters;
}

}  // namespace hearth::text::jinja
