// Weights and metadata of an opened model, whatever container they came in: all that the code above needs to know.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/byte_source.h"
#include "file/metadata.h"
#include "tensor/dtype.h"

namespace hearth {

/// A tensor in a file. dims[0] varies fastest: the tensor is n_rows() rows of dims[0] elements, packed.
struct TensorInfo {
  std::string_view name;  // lives as long as its ModelFile
  DType dtype = DType::kF32;
  std::uint32_t n_dims = 1;                          // 1..4; dims beyond are 1
  std::array<std::uint64_t, 4> dims = {1, 1, 1, 1};  // none is 0
  std::uint64_t size_bytes = 0;
  std::uint64_t offset = 0;    // of its first byte in the file part_idx
  std::uint32_t part_idx = 0;  // models may be split into several files

  [[nodiscard]] std::uint64_t n_rows() const { return dims[1] * dims[2] * dims[3]; }
  [[nodiscard]] std::uint64_t n_elements() const { return dims[0] * n_rows(); }
};

struct MetadataEntry {
  std::string_view key;
  MetadataValue value;
};

/// An opened model. Everything is validated when it opens: sizes do not overflow and lie inside the files, names and
/// keys are unique. Const and safe to use from several threads; views live as long as the object.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  /// "GGUF v3".
  [[nodiscard]] virtual std::string format() const = 0;
  /// The files, in the order of TensorInfo::part_idx.
  [[nodiscard]] virtual std::vector<std::filesystem::path> paths() const = 0;
  /// Bytes of all files.
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

  /// A number that another content of these files would not have, made of their identities as they are now and of their
  /// headers. Nothing for a model without files.
  [[nodiscard]] virtual std::optional<std::uint64_t> identity() const { return std::nullopt; }

  [[nodiscard]] virtual std::size_t n_metadata() const = 0;
  /// In the order of the file; idx < n_metadata().
  [[nodiscard]] virtual MetadataEntry metadata(std::size_t idx) const = 0;
  [[nodiscard]] virtual std::optional<MetadataValue> find_metadata(std::string_view key) const = 0;

  /// In the order of the file.
  [[nodiscard]] virtual std::span<const TensorInfo> tensors() const = 0;
  /// Null when absent.
  [[nodiscard]] virtual const TensorInfo* find_tensor(std::string_view name) const = 0;
  /// Fills `out` with the tensor's bytes [offset, offset + out.size()). `tensor` is one of tensors().
  [[nodiscard]] virtual Status read_tensor_range(const TensorInfo& tensor, std::uint64_t offset,
                                                 std::span<std::byte> out) const = 0;
  /// The whole tensor; out.size() == tensor.size_bytes.
  [[nodiscard]] Status read_tensor(const TensorInfo& tensor, std::span<std::byte> out) const;

  /// The key's value as T (see convert_value); absent or of another type is an error that says so.
  template <typename T>
  [[nodiscard]] Result<T> require(std::string_view key) const {
    const auto value = find_metadata(key);
    if (!value) return missing_key(key);
    return convert_value<T>(key, *value);
  }
  /// Nothing when absent; a value of another type is an error.
  template <typename T>
  [[nodiscard]] Result<std::optional<T>> find(std::string_view key) const {
    const auto value = find_metadata(key);
    if (!value) return std::optional<T>();
    HEARTH_TRY(T converted, convert_value<T>(key, *value));
    return std::optional<T>(std::move(converted));
  }
  /// The key's value, or `fallback` when absent; a value of another type is an error.
  template <typename T>
  [[nodiscard]] Result<T> value_or(std::string_view key, T fallback) const {
    const auto value = find_metadata(key);
    if (!value) return fallback;
    return convert_value<T>(key, *value);
  }
  template <typename T>
  [[nodiscard]] Result<std::vector<T>> require_array(std::string_view key,
                                                     std::optional<std::uint64_t> expected_count = std::nullopt) const {
    const auto value = find_metadata(key);
    if (!value) return missing_key(key);
    return convert_array<T>(key, *value, expected_count);
  }
  [[nodiscard]] Result<StringArray> require_strings(std::string_view key,
                                                    std::optional<std::uint64_t> expected_count = std::nullopt) const;

 protected:
  [[nodiscard]] static std::unexpected<Error> missing_key(std::string_view key);
};

/// Opens a model of any container we read; any part of a split model opens all of it. Reads headers only.
Result<std::unique_ptr<ModelFile>> open_model_file(const std::filesystem::path& path);

/// One file of a model: what it is called, for messages, and where its bytes come from.
struct NamedSource {
  std::string name;
  ByteSource* bytes = nullptr;
};
/// A model of which only the headers are read, as before a download: everything about it can be asked, its tensors
/// cannot be read. `parts` are all its files in order; the sources are needed only during the call.
Result<std::unique_ptr<ModelFile>> read_model_header(std::span<const NamedSource> parts);

}  // namespace hearth
