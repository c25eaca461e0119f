// One hash of short byte strings for the tables of a vocabulary: a multiplication per 8 bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace hearth::text {

inline std::uint64_t mix_hashes(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <typename Word>
Word load_string_word(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

inline std::uint64_t hash_string(std::string_view text) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  constexpr std::uint64_t kOther = 0xD6E8FEB86659FD93ULL;
  const std::size_t n = text.size();
  const char* at = text.data();
  std::uint64_t state = kOther ^ n, tail = 0;
  for (std::size_t left = n; left > 8; left -= 8, at += 8) {
    state = mix_hashes(state ^ load_string_word<std::uint64_t>(at), kOdd);
  }
  // The last 1 to 8 bytes, some of them twice: loads of a fixed size, as most strings are short.
  const char* end = text.data() + n;
  if (n >= 8) {
    tail = load_string_word<std::uint64_t>(end - 8);
  } else if (n >= 4) {
    tail = load_string_word<std::uint32_t>(at) | std::uint64_t{load_string_word<std::uint32_t>(end - 4)} << 32;
  } else if (n > 0) {
    const auto byte = [at](std::size_t idx) { return static_cast<std::uint64_t>(static_cast<unsigned char>(at[idx])); };
    tail = byte(0) | byte(n / 2) << 8 | byte(n - 1) << 16;
  }
  return mix_hashes(state ^ tail, kOdd) ^ (state >> 32);
}

/// Of a pair, in this order.
inline std::uint64_t hash_pair(std::uint64_t left, std::uint64_t right) {
  return mix_hashes(left ^ 0xA0761D6478BD642FULL, right ^ 0xE7037ED1A0B428DBULL);
}

}  // namespace hearth::text
