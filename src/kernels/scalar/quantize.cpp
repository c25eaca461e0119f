// Activations as int8, the specification (docs/numerics.md): one scale per 32 or 256 elements and exact sums of codes.
#include <bit>

#include "kernels/families.h"

namespace hearth::kernels {

namespace {

constexpr std::uint32_t kTiny = std::bit_cast<std::uint32_t>(0x1p-100f);
constexpr std::uint32_t kInfinity = 0x7f800000u;
constexpr std::uint32_t kNaN = 0x7fc00000u;

/// Nearest even, for |x| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
float round_to_even(float x) {
  return (x + 0x1.8p23f) - 0x1.8p23f;
}

template <std::size_t block_len, std::size_t sum_len>
void quantize(const float* x, std::size_t k, ActOut out) {
  for (std::size_t b = 0; b < k / block_len; ++b) {
    const float* block = x + b * block_len;
    std::int8_t* codes = out.codes + b * block_len;
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < block_len; ++i) {
      const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(block[i]) & 0x7fffffffu;
      if (magnitude > largest) largest = magnitude;
    }
    const bool usable = largest >= kTiny && largest < kInfinity;
    const float a = std::bit_cast<float>(largest);
    const float inverse = usable ? 127.0f / a : 0.0f;
    out.scales[b] = usable ? a / 127.0f : largest < kTiny ? 0.0f : std::bit_cast<float>(kNaN);
    for (std::size_t i = 0; i < block_len; ++i) {
      codes[i] = usable ? static_cast<std::int8_t>(round_to_even(block[i] * inverse)) : std::int8_t{0};
    }
    for (std::size_t s = 0; s < block_len / sum_len; ++s) {
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < sum_len; ++i) sum += codes[s * sum_len + i];
      out.sums[b * (block_len / sum_len) + s] = sum;
    }
  }
}

}  // namespace

void fill_quantize_scalar(KernelTable& table) {
  table.quantize_i8x32 = quantize<32, 32>;
  table.quantize_i8x256 = quantize<256, 16>;
}

}  // namespace hearth::kernels
