// A GGUF model of which only the headers are here, as before a download: everything about it can be asked, its tensors
// cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/gguf/header.h"
#include "file/model_file.h"

namespace hearth::gguf {

class HeaderOnly final : public ModelFile {
 public:
  /// See read_model_header().
  static Result<HeaderOnly> read(std::span<const NamedSource> parts);

  [[nodiscard]] std::string format() const override;
  [[nodiscard]] std::vector<std::filesystem::path> paths() const override { return names_; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] std::size_t n_metadata() const override { return headers_.front().n_metadata(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const override { return headers_.front().metadata(idx); }
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view key) const override {
    return headers_.front().find_metadata(key);
  }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return tensors_; }
  [[nodiscard]] const TensorInfo* find_tensor(std::string_view name) const override;
  [[nodiscard]] Status read_tensor_range(const TensorInfo& tensor, std::uint64_t offset,
                                         std::span<std::byte> out) const override;

 private:
  HeaderOnly() = default;
  std::vector<std::filesystem::path> names_;
  std::vector<Header> headers_;
  std::vector<TensorInfo> tensors_;  // sorted by name
  std::uint64_t size_bytes_ = 0;
};

}  // namespace hearth::gguf
