// The parts of ModelFile that are the same for every container.
#include "file/model_file.h"

#include <fmt/format.h>

namespace hearth {

Status ModelFile::read_tensor(const TensorInfo& tensor, std::span<std::byte> out) const {
  if (out.size() != tensor.size_bytes) {
    return fail(ErrorCode::kInternal, fmt::format("reading tensor {}: the buffer has {} bytes, the tensor {}",
                                                  quote_untrusted(tensor.name), out.size(), tensor.size_bytes));
  }
  return read_tensor_range(tensor, 0, out);
}

Result<StringArray> ModelFile::require_strings(std::string_view key,
                                               std::optional<std::uint64_t> expected_count) const {
  const auto value = find_metadata(key);
  if (!value) return missing_key(key);
  return convert_strings(key, *value, expected_count);
}

std::unexpected<Error> ModelFile::missing_key(std::string_view key) {
  return fail(ErrorCode::kCorruptedModel,
              fmt::format("metadata key {} is missing; the file may have been made by another kind of converter",
                          quote_untrusted(key)));
}

}  // namespace hearth
