// Putting the evenly spaced 32-element formats together.
#include <cstring>

#include "tensor/quant/fit.h"
#include "tensor/quant/simple_blocks.h"

namespace hearth::quant {

namespace {

void pack_nibbles(const int (&q)[32], std::uint8_t (&qs)[16]) {
  for (int j = 0; j < 16; ++j) qs[j] = static_cast<std::uint8_t>((q[j] & 15) | (q[j + 16] & 15) << 4);
}

void pack_fifth_bits(const int (&q)[32], std::uint8_t (&qh)[4]) {
  std::memset(qh, 0, sizeof qh);
  for (int e = 0; e < 32; ++e) qh[e / 8] = static_cast<std::uint8_t>(qh[e / 8] | (q[e] >> 4 & 1) << e % 8);
}

/// Codes from 0 upwards for value = d * (q + kLow).
template <int kLow, int kHigh>
std::uint16_t encode_even(const Samples<32>& samples, int (&q)[32]) {
  const float wanted = best_scale<EvenCodes<kLow, kHigh>>(group_of(samples, 0, 32));
  const std::uint16_t half = samples.to_half(wanted);
  const float inverse = reciprocal(samples.from_half(half));
  for (int e = 0; e < 32; ++e) q[e] = static_cast<int>(round_clamped(samples.x[e] * inverse, kLow, kHigh)) - kLow;
  return half;
}

/// Codes for value = d * q + m, with d and m as stored.
template <int kMax>
void encode_affine(const Samples<32>& samples, int (&q)[32], std::uint16_t& d_half, std::uint16_t& m_half) {
  const AffineFit fit = best_affine<kMax>(group_of(samples, 0, 32), Minimum::kAny);
  d_half = samples.to_half(fit.d);
  m_half = samples.to_half(fit.m);
  const float inverse = reciprocal(samples.from_half(d_half));
  const float m = samples.from_half(m_half);
  for (int e = 0; e < 32; ++e) q[e] = static_cast<int>(round_clamped((samples.x[e] - m) * inverse, 0, kMax));
}

}  // namespace

void encode_block(const float* values, const float* importance, BlockQ4_0& out) {
  int q[32];
  out.d = encode_even<-8, 7>({values, importance}, q);
  pack_nibbles(q, out.qs);
}

void encode_block(const float* values, const float* importance, BlockQ4_1& out) {
  int q[32];
  encode_affine<15>({values, importance}, q, out.d, out.m);
  pack_nibbles(q, out.qs);
}

void encode_block(const float* values, const float* importance, BlockQ5_0& out) {
  int q[32];
  out.d = encode_even<-16, 15>({values, importance}, q);
  pack_nibbles(q, out.qs);
  pack_fifth_bits(q, out.qh);
}

void encode_block(const float* values, const float* importance, BlockQ5_1& out) {
  int q[32];
  encode_affine<31>({values, importance}, q, out.d, out.m);
  pack_nibbles(q, out.qs);
  pack_fifth_bits(q, out.qh);
}

// Eight bits leave nothing to search for: the peak becomes 127.
void encode_block(const float* values, const float*, BlockQ8_0& out) {
  const Samples<32> samples(values, nullptr);
  out.d = samples.to_half(std::fabs(peak_of(samples.x, 32)) / 127);
  const float inverse = reciprocal(samples.from_half(out.d));
  for (int e = 0; e < 32; ++e) out.qs[e] = static_cast<std::int8_t>(round_clamped(samples.x[e] * inverse, -127, 127));
}

}  // namespace hearth::quant
