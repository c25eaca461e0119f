// What a model file says about itself, in a form no container owns: typed values that are views into the file's header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth {

/// Types a value can have in a file, numbered as GGUF numbers them.
enum class ValueType : std::uint8_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr std::uint32_t kValueTypeCount = 13;

/// "u32", "string", "array".
std::string_view value_type_name(ValueType type);
/// Bytes of a stored value; 0 for strings and arrays, whose size varies.
std::size_t value_type_bytes(ValueType type);

/// A view of an array of strings as it lies in the file: length (u64, little-endian), bytes, length, bytes, ...
/// Walking it is free; operator[] starts at the nearest mark and takes at most kStride - 1 hops.
class StringArray {
 public:
  static constexpr std::size_t kStride = 16;

  StringArray() = default;
  /// marks[k] is the offset from `data` of string k * kStride.
  StringArray(const std::byte* data, std::uint64_t count, const std::uint32_t* marks)
      : data_(data), count_(count), marks_(marks) {}

  class Iterator {
   public:
    // NOLINTBEGIN(readability-identifier-naming): the standard's names
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    // NOLINTEND(readability-identifier-naming)
    Iterator() = default;
    Iterator(const std::byte* at, std::uint64_t idx) : at_(at), idx_(idx) {}
    std::string_view operator*() const { return {reinterpret_cast<const char*>(at_) + 8, length()}; }
    Iterator& operator++() {
      at_ += 8 + length();
      ++idx_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return idx_ == other.idx_; }

   private:
    [[nodiscard]] std::size_t length() const {
      std::uint64_t n = 0;
      std::memcpy(&n, at_, 8);
      return static_cast<std::size_t>(n);
    }
    const std::byte* at_ = nullptr;
    std::uint64_t idx_ = 0;
  };

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(count_); }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] Iterator begin() const { return {data_, 0}; }
  [[nodiscard]] Iterator end() const { return {nullptr, count_}; }
  /// idx < size().
  [[nodiscard]] std::string_view operator[](std::size_t idx) const;

 private:
  const std::byte* data_ = nullptr;
  std::uint64_t count_ = 0;
  const std::uint32_t* marks_ = nullptr;
};

/// A view of an array: elements of one scalar type, packed little-endian without alignment, or strings.
struct MetadataArray {
  ValueType element = ValueType::kU8;  // never kArray
  std::uint64_t count = 0;
  std::span<const std::byte> bytes;      // as they lie in the file
  const std::uint32_t* marks = nullptr;  // of a string array, see StringArray

  /// Only for element == kString.
  [[nodiscard]] StringArray strings() const { return {bytes.data(), count, marks}; }
};

/// A value with the type it has in the file. Unsigned integers are u64, signed ones i64; floats keep their width.
struct MetadataValue {
  ValueType type = ValueType::kU8;
  std::uint64_t offset = 0;  // of the value in the file, for messages
  std::variant<std::uint64_t, std::int64_t, float, double, bool, std::string_view, MetadataArray> value;
};

/// One scalar of an array without strings; idx < array.count.
MetadataValue array_element(const MetadataArray& array, std::uint64_t idx);

/// The value as T: any integer type (whatever width the file used, when the value fits), float or double (from either
/// float width), bool, std::string_view or std::string. Integers, floats, bools and strings never turn into each other.
/// Errors name the key, its byte offset, the expected and the found type.
template <typename T>
Result<T> convert_value(std::string_view key, const MetadataValue& value);

/// The array as elements of T by the same rules; with `expected_count`, any other length is an error.
template <typename T>
Result<std::vector<T>> convert_array(std::string_view key, const MetadataValue& value,
                                     std::optional<std::uint64_t> expected_count = std::nullopt);
Result<StringArray> convert_strings(std::string_view key, const MetadataValue& value,
                                    std::optional<std::uint64_t> expected_count = std::nullopt);

/// "key 'llama.block_count' (byte 812)", with unprintable bytes escaped and length bounded: keys are hostile text.
std::string describe_key(std::string_view key, const MetadataValue& value);
/// Text of a file made safe and short enough for a message, in single quotes.
std::string quote_untrusted(std::string_view text);
/// "u32", "array of 3 f32".
std::string describe_type(const MetadataValue& value);

}  // namespace hearth
