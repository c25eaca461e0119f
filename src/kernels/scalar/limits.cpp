// The limits slots without special instructions.
#include <bit>
#include <cmath>
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

std::uint64_t float_work(std::uint64_t rounds, std::uint32_t* result) {
  float sums[16] = {};
  for (std::uint64_t r = 0; r < rounds; ++r) {
    for (int i = 0; i < 16; ++i) sums[i] = std::fma(static_cast<float>(r & 0x7f), static_cast<float>(i), sums[i]);
  }
  for (const float sum : sums) *result ^= std::bit_cast<std::uint32_t>(sum);
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
  table.float_work = table.bf16_work = float_work;
  table.read_stream = table.read_four_streams = read_memory;
}

}  // namespace hearth::kernels
