// A 64-bit checksum for damage and identity, not for security: detects changed files and broken saved state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace hearth {

/// Streaming; the result does not depend on how the bytes were cut into calls.
class Hash64 {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) {
      word_ |= static_cast<std::uint64_t>(b) << (8 * (n_bytes_ % 8));
      if (++n_bytes_ % 8 == 0) mix();
    }
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(std::uint64_t value) { add(std::as_bytes(std::span(&value, 1))); }

  [[nodiscard]] std::uint64_t value() const {
    Hash64 end = *this;
    end.mix();
    return finish(end.state_ ^ end.n_bytes_);
  }

 private:
  void mix() {
    state_ = finish((state_ ^ word_) + 0x9e3779b97f4a7c15ull);
    word_ = 0;
  }
  /// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection with full avalanche.
  static std::uint64_t finish(std::uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
  }
  std::uint64_t state_ = 0x243f6a8885a308d3ull;
  std::uint64_t word_ = 0;
  std::uint64_t n_bytes_ = 0;
};

/// Of a whole block at the speed of memory: four chains, so that their multiplications overlap. Every step is a
/// bijection, so a change of one word is always seen.
inline std::uint64_t hash_block(std::span<const std::byte> bytes) {
  constexpr std::size_t kChains = 4, kStripe = kChains * 8;
  std::uint64_t chains[kChains] = {1, 2, 3, 4};
  std::size_t at = 0;
  for (; at + kStripe <= bytes.size(); at += kStripe) {
    for (std::size_t c = 0; c < kChains; ++c) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at + 8 * c, 8);
      chains[c] = (chains[c] ^ word) * 0x9e3779b97f4a7c15ull;
      chains[c] ^= chains[c] >> 32;
    }
  }
  Hash64 hash;
  for (const std::uint64_t chain : chains) hash.add(chain);
  hash.add(bytes.subspan(at));
  return hash.value();
}

}  // namespace hearth
