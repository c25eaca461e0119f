// Names compared by their letters and digits first, then by the number of slips.
#include "library/names/nearest.h"

#include <algorithm>
#include <vector>

#include "base/closest.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

/// Letters, in lower case, and digits.
std::string bare(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

/// What comes before the ":" and whether a size or quantization of it, too short to be misspelt, comes after.
bool is_other_size(std::string_view typed, std::string_view name) {
  const std::size_t colon = typed.find(':');
  constexpr std::size_t kShortest = 3;
  return colon != std::string_view::npos && typed.size() - colon - 1 < kShortest &&
         name.substr(0, name.find(':')) == typed.substr(0, colon);
}

}  // namespace

std::string did_you_mean(std::string_view typed, std::span<const std::string> names) {
  if (names.empty() || typed.size() > 64) return {};
  const std::string letters = bare(typed);
  const auto same = std::ranges::find(names, letters, bare);
  std::string_view meant = same != names.end() ? std::string_view(*same) : std::string_view();
  if (meant.empty()) meant = closest(typed, std::vector<std::string_view>(names.begin(), names.end()));
  if (meant.empty() || meant == typed || is_other_size(typed, meant)) return {};
  return fmt::format(" (did you mean {}?)", meant);
}

}  // namespace hearth::library
