// A value as Python has it: what templates compute with. Sixteen bytes; what it points to lives in an arena.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/str.h"

namespace hearth::text::jinja {

struct Value;
struct Missing;
struct Seq;
struct Dict;
struct Namespace;
struct Function;
struct Method;
struct Macro;
struct Loop;

enum class Kind : std::uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kHuge,  // a whole number above 2^63, passed through as its digits
  kFloat,
  kStr,
  kSeq,  // list, tuple and whatever else is gone through
  kDict,
  kNamespace,
  kFunction,
  kMethod,
  kMacro,
  kLoop,
};

struct Value {
  Kind kind = Kind::kUndefined;
  union {
    const Missing* missing = nullptr;
    bool boolean;
    std::int64_t integer;
    double number;
    const Str* str;  // kStr and kHuge
    Seq* seq;
    const Dict* dict;
    Namespace* name_space;
    const Function* function;
    const Method* method;
    const Macro* macro;
    Loop* loop;
  };

  static Value none() { return of(Kind::kNone, &Value::missing, static_cast<const Missing*>(nullptr)); }
  static Value of(bool value) { return of(Kind::kBool, &Value::boolean, value); }
  static Value of(std::int64_t value) { return of(Kind::kInt, &Value::integer, value); }
  static Value of(double value) { return of(Kind::kFloat, &Value::number, value); }
  static Value of(const Str* value) { return of(Kind::kStr, &Value::str, value); }
  static Value of(Seq* value) { return of(Kind::kSeq, &Value::seq, value); }
  static Value of(const Dict* value) { return of(Kind::kDict, &Value::dict, value); }
  static Value of(Namespace* value) { return of(Kind::kNamespace, &Value::name_space, value); }
  static Value of(const Function* value) { return of(Kind::kFunction, &Value::function, value); }
  static Value of(const Method* value) { return of(Kind::kMethod, &Value::method, value); }
  static Value of(const Macro* value) { return of(Kind::kMacro, &Value::macro, value); }
  static Value of(Loop* value) { return of(Kind::kLoop, &Value::loop, value); }
  static Value of(const Missing* value) { return of(Kind::kUndefined, &Value::missing, value); }
  static Value huge(const Str* digits) { return of(Kind::kHuge, &Value::str, digits); }

  [[nodiscard]] bool is(Kind other) const { return kind == other; }
  [[nodiscard]] bool is_defined() const { return kind != Kind::kUndefined; }
  /// bool counts as int.
  [[nodiscard]] bool is_number() const {
    return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kHuge;
  }
  [[nodiscard]] bool is_integer() const { return kind == Kind::kBool || kind == Kind::kInt; }
  /// Of a bool or int.
  [[nodiscard]] std::int64_t as_integer() const { return kind == Kind::kBool ? (boolean ? 1 : 0) : integer; }

 private:
  template <typename T>
  static Value of(Kind kind, T Value::* member, T value) {
    Value out;
    out.kind = kind;
    out.*member = value;
    return out;
  }
};

/// What an undefined value says when it is used.
struct Missing {
  std::string_view object_type;  // "dict object"; empty: a variable
  Value name;                    // of the variable, attribute or element
  std::string_view message;      // when not empty, this instead of the above
};

enum class SeqType : std::uint8_t { kList, kTuple, kRange, kGenerator, kReversed, kKeys, kValues, kItems };

/// Immutable but for the position of the two types that can be gone through only once.
struct Seq {
  SeqType type = SeqType::kList;
  std::span<const Value> items;
  std::size_t next = 0;  // of a generator or reversed iterator; of a range, the end it was given

  [[nodiscard]] bool is_once() const { return type == SeqType::kGenerator || type == SeqType::kReversed; }
};

struct Entry {
  Value key, value;
};

struct Dict {
  std::span<const Entry> entries;                // in the order of insertion, keys unique
  mutable std::span<const std::uint32_t> order;  // of the keys, made when first looked for in a large one

  [[nodiscard]] const Value* find(Arena& arena, const Value& key) const;
};

struct Namespace {
  std::vector<Entry>* entries = nullptr;  // owned by the rendering
};

/// Collects the entries of a dict; a key seen before keeps its place and takes the new value.
class DictBuilder {
 public:
  explicit DictBuilder(Arena& arena) : arena_(&arena), places_(KeyLess{&arena}) {}
  /// Throws a Fault for a key that Python cannot hash.
  void set(const Value& key, const Value& value);
  [[nodiscard]] const Dict* finish() const { return arena_->make(Dict{arena_->keep(entries_), {}}); }
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  struct KeyLess {
    Arena* arena;
    bool operator()(const Value& a, const Value& b) const;
  };
  Arena* arena_;
  std::vector<Entry> entries_;
  std::map<Value, std::size_t, KeyLess> places_;
};

/// Nesting beyond this is refused wherever values are gone through in depth.
inline constexpr int kMaxValueDepth = 200;

Value make_seq(Arena& arena, SeqType type, std::span<const Value> items);
Value make_list(Arena& arena, const std::vector<Value>& items);
Value make_pair(Arena& arena, const Value& first, const Value& second);

bool is_true(const Value& value);
/// Python's ==.
bool equal(Arena& arena, const Value& a, const Value& b, int depth = 0);
/// Python's <; throws a Fault where it raises.
bool less(Arena& arena, const Value& a, const Value& b, std::string_view operation = "<", int depth = 0);
/// A total order of keys in which those are equal that Python takes for the same key. Throws for unhashable ones.
int compare_keys(Arena& arena, const Value& a, const Value& b, int depth = 0);
/// A number as double.
double as_double(const Value& value);

/// "str", "NoneType", "dict", as Python's TypeErrors name types.
std::string_view type_name(const Value& value);
/// "str object", "None", "jinja2.utils.Namespace object".
std::string_view object_name(const Value& value);
/// What an undefined value says when it is used.
std::string missing_message(const Value& value);
[[noreturn]] void throw_undefined(const Value& value);

/// Python's repr(float).
std::string float_repr(double value);
/// str(value).
void append_str(StrBuilder& out, const Value& value);
/// repr(value); the whole of a container counts as data when anything in it does.
void append_repr(StrBuilder& out, const Value& value, int depth = 0);
const Str* to_str(Arena& arena, const Value& value);

}  // namespace hearth::text::jinja
