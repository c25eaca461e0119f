// The limits slots of the arm64 tables: what sdot, smmla and loads can do at best.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_DOTPROD)
namespace hearth::kernels::neon {

namespace {

// Sixteen sums hide the latency; each round multiplies and adds 16 bytes per sum.
std::uint64_t int8_work(std::uint64_t rounds, std::uint32_t* result) {
  int32x4_t sums[16];
  int8x16_t x = vdupq_n_s8(3);
  const int8x16_t w = vdupq_n_s8(5);
  HEARTH_UNROLL
  for (int i = 0; i < 16; ++i) sums[i] = vdupq_n_s32(i);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+w"(x));  // a new operand each time, as far as the compiler knows
    HEARTH_UNROLL
    for (int i = 0; i < 16; ++i) sums[i] = vdotq_s32(sums[i], x, w);
  }
  HEARTH_UNROLL
  for (int i = 1; i < 16; ++i) sums[0] = veorq_s32(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(vgetq_lane_s32(sums[0], 0));
  return rounds * 16 * 16 * 2;
}

std::uint64_t float_work(std::uint64_t rounds, std::uint32_t* result) {
  float32x4_t sums[16], x = vdupq_n_f32(3);
  const float32x4_t w = vdupq_n_f32(5);
  HEARTH_UNROLL
  for (int i = 0; i < 16; ++i) sums[i] = vdupq_n_f32(static_cast<float>(i));
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+w"(x));
    HEARTH_UNROLL
    for (int i = 0; i < 16; ++i) sums[i] = vfmaq_f32(sums[i], x, w);
  }
  uint32x4_t all = vreinterpretq_u32_f32(sums[0]);
  HEARTH_UNROLL
  for (int i = 1; i < 16; ++i) all = veorq_u32(all, vreinterpretq_u32_f32(sums[i]));
  *result ^= vgetq_lane_u32(all, 0);
  return rounds * 16 * 4 * 2;
}

template <std::size_t S>
std::uint64_t read_streams(const std::byte* bytes, std::size_t n) {
  uint8x16_t sums[S];
  HEARTH_UNROLL
  for (std::size_t i = 0; i < S; ++i) sums[i] = vdupq_n_u8(0);
  const auto* from = reinterpret_cast<const std::uint8_t*>(bytes);
  for (std::size_t at = 0; at < n / S; at += 16) {
    HEARTH_UNROLL
    for (std::size_t i = 0; i < S; ++i) sums[i] = veorq_u8(sums[i], vld1q_u8(from + n / S * i + at));
  }
  HEARTH_UNROLL
  for (std::size_t i = 1; i < S; ++i) sums[0] = veorq_u8(sums[0], sums[i]);
  return vgetq_lane_u64(vreinterpretq_u64_u8(sums[0]), 0);
}

}  // namespace

}  // namespace hearth::kernels::neon
HEARTH_TARGET_END

HEARTH_TARGET_BEGIN(HEARTH_ISA_I8MM)
namespace hearth::kernels::neon_i8mm {

namespace {

// smmla does twice as much per sum.
std::uint64_t int8_work(std::uint64_t rounds, std::uint32_t* result) {
  int32x4_t sums[16];
  int8x16_t x = vdupq_n_s8(3);
  const int8x16_t w = vdupq_n_s8(5);
  HEARTH_UNROLL
  for (int i = 0; i < 16; ++i) sums[i] = vdupq_n_s32(i);
  for (std::uint64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+w"(x));
    HEARTH_UNROLL
    for (int i = 0; i < 16; ++i) sums[i] = vmmlaq_s32(sums[i], x, w);
  }
  HEARTH_UNROLL
  for (int i = 1; i < 16; ++i) sums[0] = veorq_s32(sums[0], sums[i]);
  *result ^= static_cast<std::uint32_t>(vgetq_lane_s32(sums[0], 0));
  return rounds * 16 * 32 * 2;
}

}  // namespace

}  // namespace hearth::kernels::neon_i8mm
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_limits_neon(KernelTable& table) {
  table.int8_work = neon::int8_work;
  table.float_work = table.bf16_work = neon::float_work;
  table.read_stream = neon::read_streams<1>;
  table.read_four_streams = neon::read_streams<4>;
}

void fill_limits_neon_i8mm(KernelTable& table) {
  table.int8_work = neon_i8mm::int8_work;
}

}  // namespace hearth::kernels
#endif
