// Reading headers from wherever they lie.
#include "file/gguf/header_only.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace hearth::gguf {

Result<HeaderOnly> HeaderOnly::read(std::span<const NamedSource> parts) {
  if (parts.empty()) return fail(ErrorCode::kInvalidArgument, "a model has at least one file, none was given");
  HeaderOnly model;
  for (std::uint32_t i = 0; i < parts.size(); ++i) {
    auto header = parse_header(*parts[i].bytes);
    if (!header)
      return std::unexpected(std::move(header).error().within(fmt::format("reading the header of {}", parts[i].name)));
    for (TensorInfo& info : header->take_tensors()) {
      info.part_idx = i;
      model.tensors_.push_back(info);
    }
    model.names_.emplace_back(parts[i].name);
    model.size_bytes_ += header->file_size();
    model.headers_.push_back(std::move(*header));
  }
  HEARTH_TRY(const std::uint64_t n_parts, model.value_or<std::uint64_t>("split.count", 1));
  if (std::max<std::uint64_t>(n_parts, 1) != parts.size()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is one of {} files (split.count), {} were given",
                                                         parts.front().name, n_parts, parts.size()));
  }
  std::ranges::sort(model.tensors_, {}, &TensorInfo::name);
  const auto twin = std::ranges::adjacent_find(model.tensors_, {}, &TensorInfo::name);
  if (twin != model.tensors_.end()) {
    return fail(ErrorCode::kCorruptedModel, fmt::format("reading the headers of {}: tensor {} is there twice",
                                                        parts.front().name, quote_untrusted(twin->name)));
  }
  return model;
}

std::string HeaderOnly::format() const {
  return fmt::format("GGUF v{}", headers_.front().version());
}

const TensorInfo* HeaderOnly::find_tensor(std::string_view name) const {
  const auto at = std::ranges::lower_bound(tensors_, name, {}, &TensorInfo::name);
  return at == tensors_.end() || at->name != name ? nullptr : &*at;
}

Status HeaderOnly::read_tensor_range(const TensorInfo& tensor, std::uint64_t, std::span<std::byte>) const {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("reading tensor {} of {}: only the header is here; download the model first",
                          quote_untrusted(tensor.name), names_.front().string()));
}

}  // namespace hearth::gguf
