// Random texts for tests: characters of many kinds in runs, as real text has them, and bytes that are no text at all.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>

#include "text/utf8.h"

namespace hearth::testing {

/// A character: mostly of a small alphabet where pieces begin and end, sometimes any at all.
inline std::uint32_t random_char(std::mt19937& random) {
  static constexpr std::array<std::uint32_t, 56> kCommon = {
      ' ',   ' ',   ' ',    '\n',   '\r',   '\t',   'a',    's',    't',    'l',    'D',   'R',    'e',     'v',
      'A',   'B',   'Z',    '0',    '1',    '9',    '\'',   '\'',   '.',    ',',    '!',   '/',    '-',     '_',
      '<',   '|',   '>',    '$',    0xE9,   0xDF,   0x130,  0x17F,  0x1C5,  0x2B0,  0x301, 0x328,  0x5D0,   0x661,
      0x93E, 0xE33, 0x200B, 0x2028, 0x3000, 0x3042, 0x4E00, 0xAC00, 0xFF01, 0xFFFD, 0xB2,  0x2167, 0x1F600, 0xA0};
  if (random() % 16 != 0) return kCommon[random() % kCommon.size()];
  const std::uint32_t code = random() % 4 == 0 ? random() % 0x110000 : random() % 0x3000;
  return code >= 0xD800 && code < 0xE000 ? 'x' : code;
}

/// Valid UTF-8 of up to `max_chars` characters, with runs of one character now and then.
inline std::string random_text(std::mt19937& random, std::size_t max_chars) {
  std::string text;
  for (std::size_t left = random() % (max_chars + 1); left > 0;) {
    const std::uint32_t code = random_char(random);
    const std::size_t n = random() % 6 == 0 ? 1 + random() % 5 : 1;
    for (std::size_t i = 0; i < n && left > 0; ++i, --left) text::append_utf8(text, code);
  }
  return text;
}

inline std::string random_bytes(std::mt19937& random, std::size_t max_bytes) {
  std::string bytes(random() % (max_bytes + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace hearth::testing
