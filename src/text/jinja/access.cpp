// What a name behind a dot and a key in brackets reach: the items of values and a fixed list of methods, nothing else.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/evaluator.h"
#include "text/jinja/methods.h"

namespace hearth::text::jinja {

namespace {

/// Every character as a string of its own.
std::span<const Value> characters(Arena& arena, const Str& str) {
  const std::span<Value> items = arena.make_array<Value>(str.n_chars());
  std::size_t begin = 0;
  for (Value& item : items) {
    std::size_t end = begin + 1;
    while (end < str.bytes.size() && (static_cast<unsigned char>(str.bytes[end]) & 0xC0) == 0x80) ++end;
    item = Value::of(slice_str(arena, str, begin, end));
    begin = end;
  }
  return items;
}

std::span<const MethodEntry> methods_of(const Value& value) {
  switch (value.kind) {
    case Kind::kStr: return str_methods();
    case Kind::kDict: return dict_methods();
    case Kind::kLoop: return loop_methods();
    case Kind::kSeq:
      if (value.seq->type == SeqType::kList) return list_methods();
      if (value.seq->type == SeqType::kTuple) return tuple_methods();
      return {};
    default: return {};
  }
}

/// The index of an element counted from the front, or nothing where there is none.
std::optional<std::size_t> element_idx(const Value& key, std::size_t size) {
  if (!key.is_integer()) return std::nullopt;
  std::int64_t idx = key.as_integer();
  if (idx < 0) idx += static_cast<std::int64_t>(size);
  if (idx < 0 || static_cast<std::size_t>(idx) >= size) return std::nullopt;
  return static_cast<std::size_t>(idx);
}

const Value* find_entry(const std::vector<Entry>& entries, std::string_view name) {
  const auto found = std::ranges::find_if(
      entries, [&](const Entry& entry) { return entry.key.is(Kind::kStr) && entry.key.str->bytes == name; });
  return found == entries.end() ? nullptr : &found->value;
}

}  // namespace

std::span<const Value> Evaluator::iterate(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined: return {};
    case Kind::kStr: return characters(arena_, *value.str);
    case Kind::kDict: {
      const std::span<Value> keys = arena_.make_array<Value>(value.dict->entries.size());
      for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = value.dict->entries[i].key;
      return keys;
    }
    case Kind::kSeq: {
      Seq& seq = *value.seq;
      if (!seq.is_once()) return seq.items;
      const std::span<const Value> rest = seq.items.subspan(seq.next);
      seq.next = seq.items.size();
      return rest;
    }
    case Kind::kLoop: return value.loop->items.subspan(value.loop->idx);
    default: throw_runtime(fmt::format("'{}' object is not iterable", type_name(value)));
  }
}

std::optional<Value> Evaluator::find_item(const Value& value, const Value& key) {
  switch (value.kind) {
    case Kind::kDict: {
      const bool is_hashable = !key.is(Kind::kDict) && !(key.is(Kind::kSeq) && key.seq->type == SeqType::kList);
      const Value* found = is_hashable ? value.dict->find(arena_, key) : nullptr;
      return found == nullptr ? std::nullopt : std::optional<Value>(*found);
    }
    case Kind::kStr: {
      const auto idx = element_idx(key, value.str->n_chars());
      if (!idx) return std::nullopt;
      const auto at = static_cast<std::uint32_t>(*idx);
      arena_.spend_bytes(value.str->bytes.size());
      return Value::of(slice_str(arena_, *value.str, value.str->byte_of(at), value.str->byte_of(at + 1)));
    }
    case Kind::kSeq: {
      const SeqType type = value.seq->type;
      if (type != SeqType::kList && type != SeqType::kTuple && type != SeqType::kRange) return std::nullopt;
      const auto idx = element_idx(key, value.seq->items.size());
      return idx ? std::optional<Value>(value.seq->items[*idx]) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

std::optional<Value> Evaluator::find_method(const Value& value, std::string_view name) {
  const auto unsafe = [&] {
    return undefined_because(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, type_name(value)));
  };
  if (name.size() > 4 && name.starts_with("__") && name.ends_with("__")) return unsafe();
  const std::span<const MethodEntry> methods = methods_of(value);
  const auto found = std::ranges::lower_bound(methods, name, {}, &MethodEntry::name);
  if (found == methods.end() || found->name != name) return std::nullopt;
  if (found->call == nullptr) return unsafe();
  return Value::of(static_cast<const Method*>(arena_.make(Method{found->name, value, found->call})));
}

Value Evaluator::attribute(const Value& value, const Str& name) {
  if (!value.is_defined()) throw_undefined(value);
  if (value.is(Kind::kLoop)) {
    if (const Value found = loop_attribute(*value.loop, name.bytes); found.is_defined()) return found;
  }
  if (value.is(Kind::kNamespace)) {
    if (const Value* found = find_entry(*value.name_space->entries, name.bytes)) return *found;
  }
  if (value.is(Kind::kMacro) && name.bytes == "name") return text(value.macro->node->name);
  if (const auto method = find_method(value, name.bytes)) return *method;
  const Value key = Value::of(&name);
  if (const auto found = find_item(value, key)) return *found;
  return undefined(object_name(value), key);
}

Value Evaluator::item(const Value& value, const Value& key) {
  if (!value.is_defined()) throw_undefined(value);
  if (const auto found = find_item(value, key)) return *found;
  if (!key.is(Kind::kStr)) return undefined(object_name(value), key);
  return attribute(value, *key.str);
}

Value Evaluator::loop_attribute(Loop& loop, std::string_view name) {
  const auto idx = static_cast<std::int64_t>(loop.idx), n = static_cast<std::int64_t>(loop.items.size());
  if (name == "index") return Value::of(idx + 1);
  if (name == "index0") return Value::of(idx);
  if (name == "revindex") return Value::of(n - idx);
  if (name == "revindex0") return Value::of(n - idx - 1);
  if (name == "first") return Value::of(idx == 0);
  if (name == "last") return Value::of(idx + 1 == n);
  if (name == "length") return Value::of(n);
  if (name == "depth") return Value::of(loop.depth);
  if (name == "depth0") return Value::of(loop.depth - 1);
  if (name == "previtem") return idx > 0 ? loop.items[loop.idx - 1] : Value();
  if (name == "nextitem") return idx + 1 < n ? loop.items[loop.idx + 1] : Value();
  return {};
}

}  // namespace hearth::text::jinja
