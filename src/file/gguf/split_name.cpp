// The names of split files, read and written.
#include "file/gguf/split_name.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

namespace hearth::gguf {

namespace {

constexpr std::string_view kExtension = ".gguf";
constexpr std::string_view kTail = "-00000-of-00000";

std::optional<std::uint32_t> five_digits(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<SplitName> parse_split_name(const std::filesystem::path& path) {
  const std::string file_name = path.filename().string();
  std::string_view name = file_name;
  if (!name.ends_with(kExtension)) return std::nullopt;
  name.remove_suffix(kExtension.size());
  if (name.size() < kTail.size()) return std::nullopt;
  const std::string_view tail = name.substr(name.size() - kTail.size());
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-") return std::nullopt;
  const auto number = five_digits(tail.substr(1, 5));
  const auto n_parts = five_digits(tail.substr(10, 5));
  if (!number || !n_parts || *number < 1 || *number > *n_parts) return std::nullopt;
  return SplitName{std::string(name.substr(0, name.size() - kTail.size())), *number - 1, *n_parts};
}

std::filesystem::path split_sibling(const std::filesystem::path& path, const SplitName& name, std::uint32_t part_idx) {
  return path.parent_path() / fmt::format("{}-{:05}-of-{:05}{}", name.stem, part_idx + 1, name.n_parts, kExtension);
}

}  // namespace hearth::gguf
