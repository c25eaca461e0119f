// Walking the double array with every index checked: the map comes from a file.
#include "text/charsmap.h"

#include <fmt/format.h>

namespace hearth::text {
namespace {

/// No real map has longer keys; a hostile trie may loop.
constexpr std::size_t kLongestKey = 256;

constexpr std::uint32_t kValueBit = 0x80000000;
std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}
std::uint32_t label_of(std::uint32_t unit) {
  return unit & (kValueBit | 0xFF);
}
bool has_value(std::uint32_t unit) {
  return (unit & 0x100) != 0;
}

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view bytes) {
  Charsmap map;
  if (bytes.empty()) return map;
  const auto bad = [](std::string message) {
    return fail(ErrorCode::kCorruptedModel, "reading a precompiled charsmap: " + message);
  };
  if (bytes.size() < 4) return bad(fmt::format("{} bytes are too few for its size field", bytes.size()));
  const std::size_t trie_bytes = read_u32(bytes, 0);
  if (trie_bytes > bytes.size() - 4) {
    return bad(fmt::format("its trie should have {} bytes, {} are there", trie_bytes, bytes.size() - 4));
  }
  if (trie_bytes == 0 || trie_bytes % 4 != 0) return bad(fmt::format("a trie of {} bytes cannot be", trie_bytes));
  map.units_.reserve(trie_bytes / 4);
  for (std::size_t at = 4; at < 4 + trie_bytes; at += 4) map.units_.push_back(read_u32(bytes, at));
  map.replacements_ = bytes.substr(4 + trie_bytes);
  if (map.replacements_.empty() || map.replacements_.back() != '\0') {
    return bad("its replacements do not end with a zero byte");
  }
  return map;
}

template <typename Visit>
void Charsmap::walk(std::string_view text, Visit visit) const {
  if (units_.empty()) return;
  std::uint32_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size() && i < kLongestKey; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) return;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (node >= units_.size()) return;
    if (!has_value(unit)) continue;
    if (const auto found = replacement(units_[node] & ~kValueBit)) {
      if (!visit(Match{i + 1, *found})) return;
    }
  }
}

std::optional<std::string_view> Charsmap::replacement(std::uint32_t at) const {
  if (at >= replacements_.size()) return std::nullopt;
  return std::string_view(replacements_.c_str() + at);
}

std::optional<Charsmap::Match> Charsmap::longest(std::string_view text) const {
  std::optional<Match> best;
  walk(text, [&](const Match& match) {
    best = match;
    return true;
  });
  return best;
}

std::optional<Charsmap::Match> Charsmap::shortest(std::string_view text) const {
  std::optional<Match> first;
  walk(text, [&](const Match& match) {
    first = match;
    return false;
  });
  return first;
}

}  // namespace hearth::text
