// The names of split files: STEM-00002-of-00005.gguf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace hearth::gguf {

struct SplitName {
  std::string stem;            // without folder, "-00002-of-00005" and extension
  std::uint32_t part_idx = 0;  // from 0, where file names count from 1
  std::uint32_t n_parts = 0;
};

/// Nothing when the name is not that of a part.
std::optional<SplitName> parse_split_name(const std::filesystem::path& path);
/// The path of another part beside `path`.
std::filesystem::path split_sibling(const std::filesystem::path& path, const SplitName& name, std::uint32_t part_idx);

}  // namespace hearth::gguf
