// Strict decoding: no white space, no missing padding, no stray bits.
#include "text/base64.h"

#include <cstdint>

namespace hearth::text {
namespace {

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::size_t n_digits = 4;
    if (at + 4 == text.size()) {
      while (n_digits > 2 && text[at + n_digits - 1] == '=') --n_digits;
    }
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int digit = i < n_digits ? digit_of(text[at + i]) : 0;
      if (digit < 0) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
    }
    const std::uint32_t unused = n_digits == 4 ? 0 : n_digits == 3 ? 0xFF : 0xFFFF;
    if ((bits & unused) != 0) return std::nullopt;
    for (std::size_t i = 0; i + 1 < n_digits; ++i) out.push_back(static_cast<char>(bits >> (16 - 8 * i) & 0xFF));
  }
  return out;
}

}  // namespace hearth::text
