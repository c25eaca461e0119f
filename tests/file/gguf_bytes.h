// Builds GGUF bytes field by field, valid or not: the tests' own encoder, independent of the product's writer.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::testing {

/// Where a number stands.
struct GgufField {
  std::size_t offset;
  std::size_t bytes;
};

class GgufBytes {
 public:
  explicit GgufBytes(std::uint32_t version = 3) { raw("GGUF").number(version); }

  GgufBytes& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  template <typename T>
  GgufBytes& number(T value) {
    fields_.push_back({text_.size(), sizeof(T)});
    text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  GgufBytes& u32(std::uint32_t value) { return number(value); }
  GgufBytes& u64(std::uint64_t value) { return number(value); }
  GgufBytes& string(std::string_view value) { return u64(value.size()).raw(value); }
  GgufBytes& counts(std::uint64_t n_tensors, std::uint64_t n_metadata) { return u64(n_tensors).u64(n_metadata); }

  template <typename T>
  GgufBytes& scalar(std::string_view key, std::uint32_t type, T value) {
    return string(key).u32(type).number(value);
  }
  GgufBytes& text(std::string_view key, std::string_view value) { return string(key).u32(8).string(value); }
  template <typename T>
  GgufBytes& array(std::string_view key, std::uint32_t element_type, const std::vector<T>& values) {
    string(key).u32(9).u32(element_type).u64(values.size());
    for (const T& value : values) number(value);
    return *this;
  }
  GgufBytes& strings(std::string_view key, const std::vector<std::string>& values) {
    string(key).u32(9).u32(8).u64(values.size());
    for (const std::string& value : values) string(value);
    return *this;
  }
  GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t dtype,
                    std::uint64_t offset) {
    string(name).u32(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) u64(dim);
    return u32(dtype).u64(offset);
  }
  GgufBytes& pad(std::size_t alignment = 32) {
    while (text_.size() % alignment != 0) text_ += '\0';
    return *this;
  }
  GgufBytes& zeros(std::size_t n) {
    text_.append(n, '\0');
    return *this;
  }

  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] const std::string& str() const { return text_; }
  /// Every number of the header: version, counts, lengths, types, dimensions, offsets, values.
  [[nodiscard]] const std::vector<GgufField>& fields() const { return fields_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(text_)); }

 private:
  std::string text_;
  std::vector<GgufField> fields_;
};

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace hearth::testing
