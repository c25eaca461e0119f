// The limits slots without special instructions.
#include <cstring>

#include "kernels/families.h"

namespace hearth::kernels {

namespace {

std::uint64_t int8_work(std::uint64_t rounds, std::uint32_t* result) {
  std::uint32_t sums[16] = {};
  for (std::uint64_t r = 0; r < rounds; ++r) {
    for (std::uint32_t i = 0; i < 16; ++i) sums[i] += (static_cast<std::uint32_t>(r) & 0x7f) * (i + 1);
  }
  for (const std::uint32_t sum : sums) *result ^= sum;
  return rounds * 16 * 2;
}

std::uint64_t read_memory(const std::byte* bytes, std::size_t n) {
  std::uint64_t sums[8] = {};
  for (std::size_t at = 0; at + 64 <= n; at += 64) {
    std::uint64_t words[8];
    std::memcpy(words, bytes + at, sizeof words);
    for (std::size_t i = 0; i < 8; ++i) sums[i] ^= words[i];
  }
  return sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
}

}  // namespace

void fill_limits_scalar(KernelTable& table) {
  table.int8_work = int8_work;
  table.read_memory = read_memory;
}

}  // namespace hearth::kernels
