// Opening GGUF files, putting the parts of a split together, reading tensor bytes.
#include "file/gguf/file.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "base/hash.h"
#include "file/byte_source.h"
#include "file/gguf/split_name.h"

#include <fmt/format.h>

namespace hearth::gguf {

namespace {

Result<std::optional<std::uint64_t>> find_number(const Header& header, std::string_view key) {
  const auto value = header.find_metadata(key);
  if (!value) return std::optional<std::uint64_t>();
  HEARTH_TRY(const std::uint64_t number, convert_value<std::uint64_t>(key, *value));
  return std::optional(number);
}

Status expect_number(const Header& header, std::string_view key, std::uint64_t expected) {
  HEARTH_TRY(const auto found, find_number(header, key));
  if (found == expected) return {};
  return fail(ErrorCode::kCorruptedModel,
              fmt::format("metadata key '{}': expected {}, found {}; the parts are not of one model, or were renamed",
                          key, expected, found ? fmt::to_string(*found) : "nothing"));
}

}  // namespace

Result<File::Part> File::open_part(const std::filesystem::path& path) {
  HEARTH_TRY(auto file, RandomAccessFile::open(path));
  FileBytes source(file);
  auto header = parse_header(source);
  if (!header) return std::unexpected(std::move(header).error().within(fmt::format("reading {}", path.string())));
  return Part{std::move(file), std::move(*header)};
}

Result<File> File::open(const std::filesystem::path& path) {
  File model;
  HEARTH_TRY(auto part, open_part(path));
  auto split_count = find_number(part.header, "split.count");
  if (!split_count) {
    return std::unexpected(std::move(split_count).error().within(fmt::format("reading {}", path.string())));
  }
  if (const std::uint64_t n_parts = split_count->value_or(1); n_parts > 1) {
    HEARTH_CHECK(model.open_split(path, n_parts));
  } else {
    model.parts_.push_back(std::move(part));
  }
  HEARTH_CHECK(model.merge_tensors());
  return model;
}

Status File::open_split(const std::filesystem::path& path, std::uint64_t n_parts) {
  const auto name = parse_split_name(path);
  if (!name || name->n_parts != n_parts) {
    return fail(ErrorCode::kCorruptedModel,
                fmt::format("reading {}: it is one of {} parts (split.count), so its name must end with "
                            "-NNNNN-of-{:05}.gguf to find the others; give it its original name back",
                            path.string(), n_parts, n_parts));
  }
  std::uint64_t n_tensors = 0;
  for (std::uint32_t i = 0; i < name->n_parts; ++i) {
    const std::filesystem::path part_path = split_sibling(path, *name, i);
    const auto context = [&] { return fmt::format("part {} of {} ({})", i + 1, n_parts, part_path.string()); };
    auto part = open_part(part_path);
    if (!part && part.error().code == ErrorCode::kFileNotFound) {
      return fail(ErrorCode::kFileNotFound, fmt::format("{} is missing; put all parts into one folder", context()));
    }
    if (!part) return std::unexpected(std::move(part).error().within(context()));
    for (const auto& [key, expected] : {std::pair("split.no", std::uint64_t{i}), std::pair("split.count", n_parts)}) {
      auto agrees = expect_number(part->header, key, expected);
      if (!agrees) return std::unexpected(std::move(agrees).error().within(context()));
    }
    n_tensors += part->header.tensors().size();
    parts_.push_back(std::move(*part));
  }
  const auto counted = expect_number(parts_.front().header, "split.tensors.count", n_tensors);
  if (!counted) return std::unexpected(Error(counted.error()).within(fmt::format("reading {}", path.string())));
  return {};
}

Status File::merge_tensors() {
  if (parts_.size() == 1) {
    tensors_ = parts_.front().header.take_tensors();
  } else {
    for (std::uint32_t p = 0; p < parts_.size(); ++p) {
      for (TensorInfo& info : parts_[p].header.take_tensors()) {
        info.part_idx = p;
        tensors_.push_back(info);
      }
    }
  }
  by_name_.resize(tensors_.size());
  for (std::uint32_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
  const auto name = [&](std::uint32_t i) { return tensors_[i].name; };
  std::ranges::sort(by_name_, {}, name);
  const auto twin = std::ranges::adjacent_find(by_name_, {}, name);
  if (twin == by_name_.end()) return {};
  return fail(ErrorCode::kCorruptedModel,
              fmt::format("tensor {} is in {} and in {}; it may be in one part only", quote_untrusted(name(*twin)),
                          parts_[tensors_[twin[0]].part_idx].file.path().string(),
                          parts_[tensors_[twin[1]].part_idx].file.path().string()));
}

std::string File::format() const {
  return fmt::format("GGUF v{}", parts_.front().header.version());
}

std::vector<std::filesystem::path> File::paths() const {
  std::vector<std::filesystem::path> out;
  for (const Part& part : parts_) out.push_back(part.file.path());
  return out;
}

std::uint64_t File::size_bytes() const {
  std::uint64_t total = 0;
  for (const Part& part : parts_) total += part.file.size();
  return total;
}

std::optional<std::uint64_t> File::identity() const {
  Hash64 hash;
  for (const Part& part : parts_) {
    const auto file = part.file.identity();
    if (!file) return std::nullopt;
    for (const std::uint64_t value : {file->device, file->inode, file->size_bytes, file->modified_ns}) hash.add(value);
    hash.add(hash_block(part.header.bytes()));
  }
  return hash.value();
}

const TensorInfo* File::find_tensor(std::string_view name) const {
  const auto at = std::ranges::lower_bound(by_name_, name, {}, [&](std::uint32_t i) { return tensors_[i].name; });
  if (at == by_name_.end() || tensors_[*at].name != name) return nullptr;
  return &tensors_[*at];
}

Status File::read_tensor_range(const TensorInfo& tensor, std::uint64_t offset, std::span<std::byte> out) const {
  if (tensor.part_idx >= parts_.size() || !(CheckedSize(offset) + out.size()).at_most(tensor.size_bytes)) {
    return fail(ErrorCode::kInternal,
                fmt::format("reading tensor {}: bytes {} to {} of {} in part {} of {}", quote_untrusted(tensor.name),
                            offset, offset + out.size(), tensor.size_bytes, tensor.part_idx, parts_.size()));
  }
  auto read = parts_[tensor.part_idx].file.read_at(tensor.offset + offset, out);
  if (read) return {};
  return std::unexpected(std::move(read).error().within(fmt::format("tensor {}", quote_untrusted(tensor.name))));
}

}  // namespace hearth::gguf
