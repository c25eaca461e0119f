// Touches everything that a valid header promises to be readable, for the campaign of damaged files and the fuzzer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "file/gguf/header.h"

namespace hearth::testing {

/// Nothing when all promises hold, else the one that is broken.
inline std::optional<std::string> broken_promise(const gguf::Header& header) {
  using Wide = unsigned __int128;
  std::uint64_t touched = 0;
  for (std::size_t i = 0; i < header.n_metadata(); ++i) {
    const MetadataEntry entry = header.metadata(i);
    if (entry.key.empty()) return "empty key";
    if (!header.find_metadata(entry.key)) return "key that cannot be found";
    (void)convert_value<std::uint32_t>(entry.key, entry.value);
    (void)convert_value<float>(entry.key, entry.value);
    (void)convert_value<bool>(entry.key, entry.value);
    (void)convert_value<std::string_view>(entry.key, entry.value);
    (void)convert_array<std::int32_t>(entry.key, entry.value);
    (void)convert_array<double>(entry.key, entry.value, 3);
    const auto strings = convert_strings(entry.key, entry.value);
    if (!strings) continue;
    std::size_t idx = 0;
    for (const std::string_view text : *strings) {
      if ((*strings)[idx++].data() != text.data()) return "string array that indexes and walks differently";
      for (const char c : text) touched += static_cast<unsigned char>(c);
    }
    if (idx != strings->size()) return "string array of another length";
  }
  for (const TensorInfo& tensor : header.tensors()) {
    if (tensor.name.empty()) return "tensor without a name";
    if (tensor.size_bytes == 0) return "empty tensor";
    if (tensor.offset < header.header_bytes()) return "tensor inside the header";
    if (Wide(tensor.offset) + tensor.size_bytes > header.file_size()) return "tensor outside the file";
    const Wide n = Wide(tensor.dims[0]) * tensor.dims[1] * tensor.dims[2] * tensor.dims[3];
    if (Wide(tensor.n_elements()) != n) return "element count that wraps";
  }
  if (touched == ~std::uint64_t{0}) return "more text than a header holds";
  return std::nullopt;
}

}  // namespace hearth::testing
