// An opened GGUF model: one file, or all parts of a split one, behind the container-neutral ModelFile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "file/gguf/header.h"
#include "file/model_file.h"

namespace hearth::gguf {

class File final : public ModelFile {
 public:
  /// Reads the header only; a split model (NAME-00001-of-00003.gguf) is opened whole, whichever part `path` names.
  static Result<File> open(const std::filesystem::path& path);

  [[nodiscard]] std::string format() const override;
  [[nodiscard]] std::vector<std::filesystem::path> paths() const override;
  [[nodiscard]] std::uint64_t size_bytes() const override;
  [[nodiscard]] std::optional<std::uint64_t> identity() const override;
  /// Metadata is the first part's; the others carry only their place in the split.
  [[nodiscard]] std::size_t n_metadata() const override { return parts_.front().header.n_metadata(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const override { return parts_.front().header.metadata(idx); }
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view key) const override {
    return parts_.front().header.find_metadata(key);
  }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return tensors_; }
  [[nodiscard]] const TensorInfo* find_tensor(std::string_view name) const override;
  [[nodiscard]] Status read_tensor_range(const TensorInfo& tensor, std::uint64_t offset,
                                         std::span<std::byte> out) const override;

  [[nodiscard]] std::size_t n_parts() const { return parts_.size(); }
  [[nodiscard]] const Header& header(std::size_t part_idx) const { return parts_[part_idx].header; }

 private:
  struct Part {
    RandomAccessFile file;
    Header header;
  };
  File() = default;
  static Result<Part> open_part(const std::filesystem::path& path);
  Status open_split(const std::filesystem::path& path, std::uint64_t n_parts);
  Status merge_tensors();

  std::vector<Part> parts_;
  std::vector<TensorInfo> tensors_;     // of all parts
  std::vector<std::uint32_t> by_name_;  // indexes of tensors_, sorted by name
};

}  // namespace hearth::gguf
