// Activations as int8 for the neon table (docs/numerics.md): magnitudes compared as integers, codes rounded to even.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_DOTPROD)
namespace hearth::kernels::neon {

namespace {

constexpr std::uint32_t kTiny = 0x0d800000u;  // 2^-100
constexpr std::uint32_t kInfinity = 0x7f800000u;

/// The largest 31 magnitude bits of n elements, n a multiple of 16.
HEARTH_INLINE std::uint32_t largest_magnitude(const float* x, std::size_t n) {
  const uint32x4_t magnitude = vdupq_n_u32(0x7fffffffu);
  uint32x4_t most[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};
  for (std::size_t i = 0; i < n; i += 16) {
    HEARTH_UNROLL
    for (int q = 0; q < 4; ++q) {
      most[q] = vmaxq_u32(most[q], vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + i + 4 * q)), magnitude));
    }
  }
  return vmaxvq_u32(vmaxq_u32(vmaxq_u32(most[0], most[1]), vmaxq_u32(most[2], most[3])));
}

/// Sixteen codes; returns their sum.
HEARTH_INLINE std::int32_t store_codes(const float* x, float inverse, std::int8_t* codes) {
  int16x4_t words[4];
  HEARTH_UNROLL
  for (int q = 0; q < 4; ++q) words[q] = vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4 * q), inverse)));
  const int16x8_t low = vcombine_s16(words[0], words[1]), high = vcombine_s16(words[2], words[3]);
  vst1q_s8(codes, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  return vaddlvq_s16(vaddq_s16(low, high));
}

template <std::size_t block_len, std::size_t sum_len>
void quantize(const float* x, std::size_t k, ActOut out) {
  std::int32_t* sums = out.sums;
  for (std::size_t b = 0; b < k / block_len; ++b) {
    const float* block = x + b * block_len;
    std::int8_t* codes = out.codes + b * block_len;
    const std::uint32_t largest = largest_magnitude(block, block_len);
    if (largest < kTiny || largest >= kInfinity) {
      out.scales[b] = largest < kTiny ? 0.0f : __builtin_nanf("");
      __builtin_memset(codes, 0, block_len);
      for (std::size_t s = 0; s < block_len / sum_len; ++s) *sums++ = 0;
      continue;
    }
    const float a = __builtin_bit_cast(float, largest), inverse = 127.0f / a;
    out.scales[b] = a / 127.0f;
    for (std::size_t i = 0; i < block_len; i += sum_len) {
      std::int32_t sum = store_codes(block + i, inverse, codes + i);
      if constexpr (sum_len == 32) sum += store_codes(block + i + 16, inverse, codes + i + 16);
      *sums++ = sum;
    }
  }
}

}  // namespace

}  // namespace hearth::kernels::neon
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_quantize_neon(KernelTable& table) {
  table.quantize_i8x32 = neon::quantize<32, 32>;
  table.quantize_i8x256 = neon::quantize<256, 16>;
}

}  // namespace hearth::kernels
#endif
