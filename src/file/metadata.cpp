// Conversions of metadata values: widening inside a kind of number, an error for everything else.
#include "file/metadata.h"

#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace hearth {

namespace {

template <typename T>
constexpr std::string_view name_of() {
  if constexpr (std::same_as<T, bool>) return "bool";
  if constexpr (std::same_as<T, float>) return "f32";
  if constexpr (std::same_as<T, double>) return "f64";
  if constexpr (std::same_as<T, std::uint8_t>) return "u8";
  if constexpr (std::same_as<T, std::int8_t>) return "i8";
  if constexpr (std::same_as<T, std::uint16_t>) return "u16";
  if constexpr (std::same_as<T, std::int16_t>) return "i16";
  if constexpr (std::same_as<T, std::uint32_t>) return "u32";
  if constexpr (std::same_as<T, std::int32_t>) return "i32";
  if constexpr (std::same_as<T, std::uint64_t>) return "u64";
  if constexpr (std::same_as<T, std::int64_t>) return "i64";
  return "string";
}

std::unexpected<Error> wrong_type(std::string_view key, const MetadataValue& value, std::string_view expected) {
  return fail(ErrorCode::kCorruptedModel, fmt::format("metadata {}: expected {}, found {}", describe_key(key, value),
                                                      expected, describe_type(value)));
}

template <typename T>
std::unexpected<Error> out_of_range(std::string_view key, const MetadataValue& value, auto found) {
  return fail(ErrorCode::kCorruptedModel, fmt::format("metadata {}: the value {} does not fit into {}",
                                                      describe_key(key, value), found, name_of<T>()));
}

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

}  // namespace

std::string_view value_type_name(ValueType type) {
  constexpr std::string_view kNames[kValueTypeCount] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                        "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<std::size_t>(type)];
}

std::size_t value_type_bytes(ValueType type) {
  constexpr std::uint8_t kBytes[kValueTypeCount] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kBytes[static_cast<std::size_t>(type)];
}

std::string_view StringArray::operator[](std::size_t idx) const {
  Iterator at(data_ + marks_[idx / kStride], 0);
  for (std::size_t hop = idx % kStride; hop > 0; --hop) ++at;
  return *at;
}

MetadataValue array_element(const MetadataArray& array, std::uint64_t idx) {
  const std::size_t step = value_type_bytes(array.element);
  const std::byte* at = array.bytes.data() + idx * step;
  MetadataValue out{array.element, 0, {}};
  switch (array.element) {
    case ValueType::kU8: out.value = std::uint64_t{load<std::uint8_t>(at)}; break;
    case ValueType::kI8: out.value = std::int64_t{load<std::int8_t>(at)}; break;
    case ValueType::kU16: out.value = std::uint64_t{load<std::uint16_t>(at)}; break;
    case ValueType::kI16: out.value = std::int64_t{load<std::int16_t>(at)}; break;
    case ValueType::kU32: out.value = std::uint64_t{load<std::uint32_t>(at)}; break;
    case ValueType::kI32: out.value = std::int64_t{load<std::int32_t>(at)}; break;
    case ValueType::kU64: out.value = load<std::uint64_t>(at); break;
    case ValueType::kI64: out.value = load<std::int64_t>(at); break;
    case ValueType::kF32: out.value = load<float>(at); break;
    case ValueType::kF64: out.value = load<double>(at); break;
    case ValueType::kBool: out.value = load<std::uint8_t>(at) != 0; break;
    case ValueType::kString: out.value = array.strings()[static_cast<std::size_t>(idx)]; break;
    case ValueType::kArray: break;
  }
  return out;
}

std::string quote_untrusted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\'' && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  out += text.size() > kShown ? fmt::format("...' ({} bytes)", text.size()) : "'";
  return out;
}

std::string describe_key(std::string_view key, const MetadataValue& value) {
  return fmt::format("key {} (byte {})", quote_untrusted(key), value.offset);
}

std::string describe_type(const MetadataValue& value) {
  if (const auto* array = std::get_if<MetadataArray>(&value.value)) {
    return fmt::format("array of {} {}", array->count, value_type_name(array->element));
  }
  return std::string(value_type_name(value.type));
}

template <typename T>
Result<T> convert_value(std::string_view key, const MetadataValue& value) {
  if constexpr (std::same_as<T, bool>) {
    if (const auto* v = std::get_if<bool>(&value.value)) return *v;
  } else if constexpr (std::integral<T>) {
    if (const auto* u = std::get_if<std::uint64_t>(&value.value)) {
      if (std::in_range<T>(*u)) return static_cast<T>(*u);
      return out_of_range<T>(key, value, *u);
    }
    if (const auto* i = std::get_if<std::int64_t>(&value.value)) {
      if (std::in_range<T>(*i)) return static_cast<T>(*i);
      return out_of_range<T>(key, value, *i);
    }
  } else if constexpr (std::floating_point<T>) {
    if (const auto* f = std::get_if<float>(&value.value)) return static_cast<T>(*f);
    if (const auto* d = std::get_if<double>(&value.value)) {
      if (std::isfinite(*d) && std::fabs(*d) > static_cast<double>(std::numeric_limits<T>::max())) {
        return out_of_range<T>(key, value, *d);
      }
      return static_cast<T>(*d);
    }
  } else {
    if (const auto* s = std::get_if<std::string_view>(&value.value)) return T(*s);
  }
  return wrong_type(key, value, name_of<T>());
}

template <typename T>
Result<std::vector<T>> convert_array(std::string_view key, const MetadataValue& value,
                                     std::optional<std::uint64_t> expected_count) {
  const auto* array = std::get_if<MetadataArray>(&value.value);
  const auto expected = [&] {
    return expected_count ? fmt::format("array of {} {}", *expected_count, name_of<T>())
                          : fmt::format("array of {}", name_of<T>());
  };
  if (array == nullptr || array->element == ValueType::kString) return wrong_type(key, value, expected());
  if (expected_count && array->count != *expected_count) return wrong_type(key, value, expected());
  std::vector<T> out;
  out.reserve(static_cast<std::size_t>(array->count));
  for (std::uint64_t i = 0; i < array->count; ++i) {
    MetadataValue element = array_element(*array, i);
    element.offset = value.offset;
    auto converted = convert_value<T>(key, element);
    if (!converted) {
      return fail(converted.error().code, fmt::format("{} (element {} of {}; expected {})", converted.error().message,
                                                      i, describe_type(value), expected()));
    }
    out.push_back(*converted);
  }
  return out;
}

Result<StringArray> convert_strings(std::string_view key, const MetadataValue& value,
                                    std::optional<std::uint64_t> expected_count) {
  const auto* array = std::get_if<MetadataArray>(&value.value);
  if (array == nullptr || array->element != ValueType::kString || (expected_count && array->count != *expected_count)) {
    return wrong_type(
        key, value,
        expected_count ? fmt::format("array of {} string", *expected_count) : std::string("array of string"));
  }
  return array->strings();
}

#define HEARTH_INSTANTIATE(T)                                                  \
  template Result<T> convert_value<T>(std::string_view, const MetadataValue&); \
  template Result<std::vector<T>> convert_array<T>(std::string_view, const MetadataValue&, std::optional<std::uint64_t>)
HEARTH_INSTANTIATE(std::uint8_t);
HEARTH_INSTANTIATE(std::int8_t);
HEARTH_INSTANTIATE(std::uint16_t);
HEARTH_INSTANTIATE(std::int16_t);
HEARTH_INSTANTIATE(std::uint32_t);
HEARTH_INSTANTIATE(std::int32_t);
HEARTH_INSTANTIATE(std::uint64_t);
HEARTH_INSTANTIATE(std::int64_t);
HEARTH_INSTANTIATE(float);
HEARTH_INSTANTIATE(double);
#undef HEARTH_INSTANTIATE
template Result<bool> convert_value<bool>(std::string_view, const MetadataValue&);
template Result<std::string_view> convert_value<std::string_view>(std::string_view, const MetadataValue&);
template Result<std::string> convert_value<std::string>(std::string_view, const MetadataValue&);
template Result<std::vector<bool>> convert_array<bool>(std::string_view, const MetadataValue&,
                                                       std::optional<std::uint64_t>);

}  // namespace hearth
