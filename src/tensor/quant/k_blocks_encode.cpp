// Putting the 256-element formats with evenly spaced codes together: bits go where k_blocks.h says.
#include <cstring>

#include "tensor/quant/fit_super.h"
#include "tensor/quant/k_blocks.h"

namespace hearth::quant {

namespace {

template <typename Byte>
void or_bits(Byte& byte, int bits, int shift) {
  byte = static_cast<Byte>(byte | bits << shift);
}

void pack_two_bits(const int (&q)[256], std::uint8_t (&qs)[64]) {
  for (int e = 0; e < 256; ++e) or_bits(qs[32 * (e / 128) + e % 32], q[e] & 3, 2 * (e % 128 / 32));
}

void pack_nibbles64(const int (&q)[256], std::uint8_t (&qs)[128]) {
  for (int e = 0; e < 256; ++e) or_bits(qs[32 * (e / 64) + e % 32], q[e] & 15, 4 * (e % 64 / 32));
}

/// Bit `bit` of every code, gathered as bit e / 32 of bits[e % 32].
void pack_one_bit(const int (&q)[256], int bit, std::uint8_t (&bits)[32]) {
  for (int e = 0; e < 256; ++e) or_bits(bits[e % 32], q[e] >> bit & 1, e / 32);
}

void pack_scales6(const int (&scale)[8], const int (&min)[8], PackedScales6& packed) {
  std::uint8_t* bytes = packed.bytes;
  for (int i = 0; i < 4; ++i) {
    bytes[i] = static_cast<std::uint8_t>(scale[i] | scale[i + 4] >> 4 << 6);
    bytes[i + 4] = static_cast<std::uint8_t>(min[i] | min[i + 4] >> 4 << 6);
    bytes[i + 8] = static_cast<std::uint8_t>((scale[i + 4] & 15) | (min[i + 4] & 15) << 4);
  }
}

template <int kMax, int kGroups>
void affine_codes(const Samples<256>& samples, const SuperAffine<kGroups>& at, int (&q)[256]) {
  for (int e = 0; e < 256; ++e) {
    const int g = e / (256 / kGroups);
    const float m = -at.dmin * static_cast<float>(at.min[g]);
    const float inverse = reciprocal(at.d * static_cast<float>(at.scale[g]));
    q[e] = static_cast<int>(round_clamped((samples.x[e] - m) * inverse, 0, kMax));
  }
}

/// Codes counted from kLow.
template <int kLow, int kHigh, int kGroups>
void even_codes(const Samples<256>& samples, const SuperScales<kGroups>& at, int (&q)[256]) {
  for (int e = 0; e < 256; ++e) {
    const float inverse = reciprocal(at.d * static_cast<float>(at.scale[e / (256 / kGroups)]));
    q[e] = static_cast<int>(round_clamped(samples.x[e] * inverse, kLow, kHigh)) - kLow;
  }
}

}  // namespace

void encode_block(const float* values, const float* importance, BlockQ2_K& out) {
  const Samples<256> samples(values, importance);
  const auto found = best_super_affine<3, 16, 15>(samples);
  int q[256];
  affine_codes<3>(samples, found, q);
  out = {};
  out.d = found.d_half;
  out.dmin = found.dmin_half;
  for (int g = 0; g < 16; ++g) out.scales[g] = static_cast<std::uint8_t>(found.scale[g] | found.min[g] << 4);
  pack_two_bits(q, out.qs);
}

void encode_block(const float* values, const float* importance, BlockQ3_K& out) {
  const Samples<256> samples(values, importance);
  const auto found = best_super_scales<EvenCodes<-4, 3>, 16, -32, 31>(samples);
  int q[256];
  even_codes<-4, 3>(samples, found, q);
  out = {};
  out.d = found.d_half;
  for (int i = 0; i < 16; ++i) {
    const int scale = found.scale[i] + 32;
    or_bits(out.scales[i % 8], scale & 15, 4 * (i / 8));
    or_bits(out.scales[8 + i % 4], scale >> 4, 2 * (i / 4));
  }
  pack_two_bits(q, out.qs);
  pack_one_bit(q, 2, out.hmask);
}

void encode_block(const float* values, const float* importance, BlockQ4_K& out) {
  const Samples<256> samples(values, importance);
  const auto found = best_super_affine<15, 8, 63>(samples);
  int q[256];
  affine_codes<15>(samples, found, q);
  out = {};
  out.d = found.d_half;
  out.dmin = found.dmin_half;
  pack_scales6(found.scale, found.min, out.scales);
  pack_nibbles64(q, out.qs);
}

void encode_block(const float* values, const float* importance, BlockQ5_K& out) {
  const Samples<256> samples(values, importance);
  const auto found = best_super_affine<31, 8, 63>(samples);
  int q[256];
  affine_codes<31>(samples, found, q);
  out = {};
  out.d = found.d_half;
  out.dmin = found.dmin_half;
  pack_scales6(found.scale, found.min, out.scales);
  pack_nibbles64(q, out.qs);
  pack_one_bit(q, 4, out.qh);
}

void encode_block(const float* values, const float* importance, BlockQ6_K& out) {
  const Samples<256> samples(values, importance);
  const auto found = best_super_scales<EvenCodes<-32, 31>, 16, -128, 127>(samples);
  int q[256];
  even_codes<-32, 31>(samples, found, q);
  out = {};
  out.d = found.d_half;
  for (int g = 0; g < 16; ++g) out.scales[g] = static_cast<std::int8_t>(found.scale[g]);
  for (int e = 0; e < 256; ++e) {
    const int half = e / 128;
    const int l = e % 128;
    or_bits(out.ql[64 * half + l % 64], q[e] & 15, 4 * (l / 64));
    or_bits(out.qh[32 * half + l % 32], q[e] >> 4, 2 * (l / 32));
  }
}

}  // namespace hearth::quant
