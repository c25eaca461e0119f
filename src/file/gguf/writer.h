// Makes GGUF v3 files: metadata and tensor directory first, then tensor data streamed behind them.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "file/gguf/header.h"
#include "file/metadata.h"
#include "tensor/dtype.h"

namespace hearth::gguf {

/// The stored type of a C++ number.
template <typename T>
  requires std::is_arithmetic_v<T>
constexpr ValueType value_type_of() {
  if constexpr (std::same_as<T, bool>) return ValueType::kBool;
  if constexpr (std::floating_point<T>) return sizeof(T) == 4 ? ValueType::kF32 : ValueType::kF64;
  constexpr bool kSigned = std::is_signed_v<T>;
  switch (sizeof(T)) {
    case 1: return kSigned ? ValueType::kI8 : ValueType::kU8;
    case 2: return kSigned ? ValueType::kI16 : ValueType::kU16;
    case 4: return kSigned ? ValueType::kI32 : ValueType::kU32;
    default: return kSigned ? ValueType::kI64 : ValueType::kU64;
  }
}

/// Collects what stands before the tensor data. Order is kept. Mistakes (a key given twice, a row that is no multiple
/// of its block) are reported by build(), in the reader's words.
class HeaderBuilder {
 public:
  /// A number or bool, stored with exactly the width of T.
  template <typename T>
    requires std::is_arithmetic_v<T>
  void add_number(std::string_view key, T value) {
    add_raw(key, value_type_of<T>(), std::as_bytes(std::span(&value, 1)));
  }
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
  void add_numbers(std::string_view key, std::span<const T> values) {
    add_raw_array(key, value_type_of<T>(), values.size(), std::as_bytes(values));
  }
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, std::span<const std::string_view> values);
  void add_strings(std::string_view key, std::span<const std::string> values);
  /// A value read from another file, stored with the same type and bytes.
  void add_value(std::string_view key, const MetadataValue& value);

  /// dims[0] is the length of a row. Data will be placed in the order of these calls.
  void add_tensor(std::string_view name, DType dtype, std::span<const std::uint64_t> dims);

  struct Built {
    std::string bytes;  // up to where tensor data starts
    Header header;      // those bytes, read back: tensors with their offsets in the file
  };
  [[nodiscard]] Result<Built> build() const;

 private:
  struct Tensor {
    std::string name;
    DType dtype;
    std::vector<std::uint64_t> dims;
  };
  void begin_entry(std::string_view key, ValueType type);
  void append_string(std::string_view text);
  void add_raw(std::string_view key, ValueType type, std::span<const std::byte> bytes);
  void add_raw_array(std::string_view key, ValueType element, std::uint64_t count, std::span<const std::byte> bytes);

  std::string metadata_;
  std::uint64_t n_metadata_ = 0;
  std::vector<Tensor> tensors_;
};

/// Streams the data of the tensors a HeaderBuilder announced, in their order, into a file that appears whole on
/// finish(). Destroyed before that, it leaves nothing behind.
class Writer {
 public:
  static Result<Writer> create(const std::filesystem::path& path, const HeaderBuilder& builder);

  /// The next bytes of tensor data, in pieces of any size; a piece may span tensors. Padding is the writer's business.
  [[nodiscard]] Status write(std::span<const std::byte> bytes);
  /// Pads the end and publishes; an error when tensor data is missing.
  [[nodiscard]] Status finish();

 private:
  Writer(AtomicFileWriter file, Header header) : file_(std::move(file)), header_(std::move(header)) {}
  Status pad_to(std::uint64_t offset);

  AtomicFileWriter file_;
  Header header_;
  std::size_t tensor_idx_ = 0;  // being written
  std::uint64_t pos_ = 0;       // in the file
};

}  // namespace hearth::gguf
