// Plain structs as JSON: a list of members gives a schema, a reader and a writer.
//
//   struct Person { std::string name; std::optional<int> age; std::vector<std::string> tags; };
//   HEARTH_DESCRIBE(Person, name, age, tags)
//   enum class Color { red, green };
//   HEARTH_DESCRIBE_ENUM(Color, red, green)
//
// Members may be bool, numbers, std::string, described structs and enums, and std::optional and std::vector of these.
// A member that is an optional may be missing or null.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hearth {

/// JSON Schema of the values that from_json<T> reads, as text.
template <typename T>
std::string json_schema();
/// Reads a value. An error names the member.
template <typename T>
Result<T> from_json(std::string_view json);
template <typename T>
std::string to_json(const T& value);

// ---- details

/// Specialised by HEARTH_DESCRIBE: names() and tie(value).
template <typename T>
struct Described;
/// Specialised by HEARTH_DESCRIBE_ENUM: values(), pairs of name and value.
template <typename T>
struct DescribedEnum;

namespace detail {

/// A parsed JSON value, without showing the parser to whoever includes this.
class ParsedJson {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  static Result<ParsedJson> parse(std::string_view json);
  ParsedJson(ParsedJson&&) noexcept;
  ParsedJson& operator=(ParsedJson&&) noexcept;
  ~ParsedJson();
  [[nodiscard]] Kind kind() const;
  [[nodiscard]] bool truth() const;
  [[nodiscard]] const std::string& text() const;  // of a string; of a number as written
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] ParsedJson item(std::size_t idx) const;
  [[nodiscard]] std::optional<ParsedJson> member(std::string_view name) const;

 private:
  struct State;
  explicit ParsedJson(State* state);
  State* state_;
};

Error wrong_kind(std::string_view expected, const ParsedJson& found);
Result<double> read_double(const ParsedJson& json);
Result<std::int64_t> read_integer(const ParsedJson& json, std::int64_t lowest, std::int64_t highest);
Result<std::uint64_t> read_unsigned(const ParsedJson& json, std::uint64_t highest);
std::string quoted_text(std::string_view text);
std::string number_text(double value);

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

template <typename T>
Result<T> read_value(const ParsedJson& json);

template <typename T>
Result<T> read_number(const ParsedJson& json) {
  if constexpr (std::is_floating_point_v<T>) {
    HEARTH_TRY(const double value, read_double(json));
    return static_cast<T>(value);
  } else if constexpr (std::is_signed_v<T>) {
    HEARTH_TRY(const std::int64_t value,
               read_integer(json, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    return static_cast<T>(value);
  } else {
    HEARTH_TRY(const std::uint64_t value, read_unsigned(json, std::numeric_limits<T>::max()));
    return static_cast<T>(value);
  }
}

template <typename T>
Result<T> read_enum(const ParsedJson& json) {
  if (json.kind() != ParsedJson::Kind::kString) return std::unexpected(wrong_kind("a string", json));
  std::string names;
  for (const auto& [name, value] : DescribedEnum<T>::values()) {
    if (json.text() == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorCode::kInvalidArgument, "expected one of " + names + ", found \"" + json.text() + "\"");
}

template <typename T>
Status read_member(const ParsedJson& json, std::string_view name, T& to) {
  const auto found = json.member(name);
  if (!found) {
    if constexpr (IsOptional<T>::value) return {};
    return fail(ErrorCode::kInvalidArgument, "the member \"" + std::string(name) + "\" is missing");
  }
  auto value = read_value<T>(*found);
  if (!value) return std::unexpected(std::move(value.error()).within(name));
  to = std::move(*value);
  return {};
}

template <typename T>
Result<T> read_struct(const ParsedJson& json) {
  if (json.kind() != ParsedJson::Kind::kObject) return std::unexpected(wrong_kind("an object", json));
  T made{};
  Status status;
  std::size_t idx = 0;
  std::apply(
      [&](auto&... members) {
        ((status = status ? read_member(json, Described<T>::names()[idx++], members) : status), ...);
      },
      Described<T>::tie(made));
  if (!status) return std::unexpected(std::move(status.error()));
  return made;
}

template <typename T>
Result<T> read_value(const ParsedJson& json) {
  using Kind = ParsedJson::Kind;
  if constexpr (IsOptional<T>::value) {
    if (json.kind() == Kind::kNull) return T{};
    HEARTH_TRY(typename T::value_type value, read_value<typename T::value_type>(json));
    return T(std::move(value));
  } else if constexpr (IsVector<T>::value) {
    if (json.kind() != Kind::kArray) return std::unexpected(wrong_kind("a list", json));
    T items;
    for (std::size_t i = 0; i < json.size(); ++i) {
      auto item = read_value<typename T::value_type>(json.item(i));
      if (!item) return std::unexpected(std::move(item.error()).within("item " + std::to_string(i)));
      items.push_back(std::move(*item));
    }
    return items;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (json.kind() != Kind::kBool) return std::unexpected(wrong_kind("true or false", json));
    return json.truth();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (json.kind() != Kind::kString) return std::unexpected(wrong_kind("a string", json));
    return json.text();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return read_number<T>(json);
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum<T>(json);
  } else {
    return read_struct<T>(json);
  }
}

template <typename T>
std::string schema_of() {
  if constexpr (IsOptional<T>::value) {
    return R"({"anyOf":[)" + schema_of<typename T::value_type>() + R"(,{"type":"null"}]})";
  } else if constexpr (IsVector<T>::value) {
    return R"({"type":"array","items":)" + schema_of<typename T::value_type>() + "}";
  } else if constexpr (std::is_same_v<T, bool>) {
    return R"({"type":"boolean"})";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return R"({"type":"string"})";
  } else if constexpr (std::is_floating_point_v<T>) {
    return R"({"type":"number"})";
  } else if constexpr (std::is_integral_v<T>) {
    return R"({"type":"integer","minimum":)" + std::to_string(std::numeric_limits<T>::min()) + R"(,"maximum":)" +
           std::to_string(std::numeric_limits<T>::max()) + "}";
  } else if constexpr (std::is_enum_v<T>) {
    std::string names;
    for (const auto& [name, value] : DescribedEnum<T>::values())
      names += (names.empty() ? "" : ",") + quoted_text(name);
    return R"({"enum":[)" + names + "]}";
  } else {
    std::string properties, required;
    std::size_t idx = 0;
    const auto add = [&]<typename M>(const M&) {
      const std::string name = quoted_text(Described<T>::names()[idx++]);
      properties += (properties.empty() ? "" : ",") + name + ":" + schema_of<M>();
      if constexpr (!IsOptional<M>::value) required += (required.empty() ? "" : ",") + name;
    };
    T shape{};
    std::apply([&](const auto&... members) { (add(members), ...); }, Described<T>::tie(shape));
    return R"({"type":"object","properties":{)" + properties + R"(},"required":[)" + required +
           R"(],"additionalProperties":false})";
  }
}

template <typename T>
std::string written(const T& value) {
  if constexpr (IsOptional<T>::value) {
    return value ? written(*value) : "null";
  } else if constexpr (IsVector<T>::value) {
    std::string items;
    for (const auto& item : value) items += (items.empty() ? "" : ",") + written<typename T::value_type>(item);
    return "[" + items + "]";
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return quoted_text(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return number_text(static_cast<double>(value));
  } else if constexpr (std::is_integral_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& [name, one] : DescribedEnum<T>::values()) {
      if (one == value) return quoted_text(name);
    }
    return "null";
  } else {
    std::string members;
    std::size_t idx = 0;
    const auto add = [&](const auto& member) {
      members += (members.empty() ? "" : ",") + quoted_text(Described<T>::names()[idx++]) + ":" + written(member);
    };
    std::apply([&](const auto&... all) { (add(all), ...); }, Described<T>::tie(const_cast<T&>(value)));
    return "{" + members + "}";
  }
}

/// "a, b , c" -> {"a", "b", "c"}: the names that a macro was given.
template <std::size_t N>
constexpr std::array<std::string_view, N> split_names(std::string_view list) {
  std::array<std::string_view, N> names;
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    names[i] = one;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return names;
}

}  // namespace detail

template <typename T>
std::string json_schema() {
  return detail::schema_of<T>();
}
template <typename T>
Result<T> from_json(std::string_view json) {
  HEARTH_TRY(const detail::ParsedJson parsed, detail::ParsedJson::parse(json));
  return detail::read_value<T>(parsed);
}
template <typename T>
std::string to_json(const T& value) {
  return detail::written(value);
}

// Up to 16 members; used at namespace scope, outside of every namespace or with the type's full name.
#define HEARTH_FOR_1(f, a) f(a)
#define HEARTH_FOR_2(f, a, ...) f(a), HEARTH_FOR_1(f, __VA_ARGS__)
#define HEARTH_FOR_3(f, a, ...) f(a), HEARTH_FOR_2(f, __VA_ARGS__)
#define HEARTH_FOR_4(f, a, ...) f(a), HEARTH_FOR_3(f, __VA_ARGS__)
#define HEARTH_FOR_5(f, a, ...) f(a), HEARTH_FOR_4(f, __VA_ARGS__)
#define HEARTH_FOR_6(f, a, ...) f(a), HEARTH_FOR_5(f, __VA_ARGS__)
#define HEARTH_FOR_7(f, a, ...) f(a), HEARTH_FOR_6(f, __VA_ARGS__)
#define HEARTH_FOR_8(f, a, ...) f(a), HEARTH_FOR_7(f, __VA_ARGS__)
#define HEARTH_FOR_9(f, a, ...) f(a), HEARTH_FOR_8(f, __VA_ARGS__)
#define HEARTH_FOR_10(f, a, ...) f(a), HEARTH_FOR_9(f, __VA_ARGS__)
#define HEARTH_FOR_11(f, a, ...) f(a), HEARTH_FOR_10(f, __VA_ARGS__)
#define HEARTH_FOR_12(f, a, ...) f(a), HEARTH_FOR_11(f, __VA_ARGS__)
#define HEARTH_FOR_13(f, a, ...) f(a), HEARTH_FOR_12(f, __VA_ARGS__)
#define HEARTH_FOR_14(f, a, ...) f(a), HEARTH_FOR_13(f, __VA_ARGS__)
#define HEARTH_FOR_15(f, a, ...) f(a), HEARTH_FOR_14(f, __VA_ARGS__)
#define HEARTH_FOR_16(f, a, ...) f(a), HEARTH_FOR_15(f, __VA_ARGS__)
#define HEARTH_COUNT(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, count, ...) count
#define HEARTH_N_OF(...) HEARTH_COUNT(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define HEARTH_JOIN_INNER(a, b) a##b
#define HEARTH_JOIN(a, b) HEARTH_JOIN_INNER(a, b)
#define HEARTH_FOR_EACH(f, ...) HEARTH_JOIN(HEARTH_FOR_, HEARTH_N_OF(__VA_ARGS__))(f, __VA_ARGS__)
#define HEARTH_MEMBER(name) value.name
#define HEARTH_ENUMERATOR(name) Type::name

#define HEARTH_DESCRIBE(TYPE, ...)                                                \
  template <>                                                                     \
  struct hearth::Described<TYPE> {                                                \
    static constexpr auto names() {                                               \
      return hearth::detail::split_names<HEARTH_N_OF(__VA_ARGS__)>(#__VA_ARGS__); \
    }                                                                             \
    static auto tie(TYPE& value) {                                                \
      return std::tie(HEARTH_FOR_EACH(HEARTH_MEMBER, __VA_ARGS__));               \
    }                                                                             \
  };

#define HEARTH_DESCRIBE_ENUM(TYPE, ...)                                                             \
  template <>                                                                                       \
  struct hearth::DescribedEnum<TYPE> {                                                              \
    static auto values() {                                                                          \
      using Type = TYPE;                                                                            \
      constexpr auto names = hearth::detail::split_names<HEARTH_N_OF(__VA_ARGS__)>(#__VA_ARGS__);   \
      const std::array<TYPE, names.size()> all = {HEARTH_FOR_EACH(HEARTH_ENUMERATOR, __VA_ARGS__)}; \
      std::array<std::pair<std::string_view, TYPE>, names.size()> pairs;                            \
      for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {names[i], all[i]};                 \
      return pairs;                                                                                 \
    }                                                                                               \
  };

}  // namespace hearth
