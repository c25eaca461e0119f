// Counter-based randomness: a pure function of (seed, choice, position, purpose), so that the same request gives the
// same text whatever was evaluated, rejected, restored or run beside it.
#pragma once

#include <array>
#include <cstdint>

namespace hearth::sample {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// What a random number is for: independent streams of the same position.
enum class Purpose : std::uint32_t { kDraw = 0, kXtc = 1 };

/// 64 random bits. Layout of the counter: position low, position high, choice, purpose; the key is the seed.
constexpr std::uint64_t random_bits(std::uint64_t seed, std::uint32_t choice, std::uint64_t position, Purpose purpose) {
  const auto words = philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), choice,
                             static_cast<std::uint32_t>(purpose)},
                            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return std::uint64_t{words[1]} << 32 | words[0];
}

/// A number in [0, n) from 64 random bits; the bias is below n / 2^64.
constexpr std::uint64_t scaled(std::uint64_t bits, std::uint64_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{bits} * n) >> 64);
}

}  // namespace hearth::sample
