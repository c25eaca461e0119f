// Element-wise conversion of the plain floating-point types.
#include "tensor/quant/plain_floats.h"

#include <cstdint>
#include <cstring>

#include "tensor/half.h"

namespace hearth::quant {

namespace {

template <float (*Convert)(std::uint16_t)>
void widen(const void* blocks, float* out, std::size_t n_elements) {
  const auto* bytes = static_cast<const unsigned char*>(blocks);
  for (std::size_t i = 0; i < n_elements; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, 2);
    out[i] = Convert(bits);
  }
}

template <std::uint16_t (*Convert)(float)>
void narrow(const float* values, void* blocks, std::size_t n_elements) {
  auto* bytes = static_cast<unsigned char*>(blocks);
  for (std::size_t i = 0; i < n_elements; ++i) {
    const std::uint16_t bits = Convert(values[i]);
    std::memcpy(bytes + 2 * i, &bits, 2);
  }
}

}  // namespace

void decode_f32(const void* blocks, float* out, std::size_t n_elements) {
  if (n_elements > 0) std::memcpy(out, blocks, n_elements * sizeof(float));
}
void decode_f16(const void* blocks, float* out, std::size_t n_elements) {
  widen<f16_to_f32>(blocks, out, n_elements);
}
void decode_bf16(const void* blocks, float* out, std::size_t n_elements) {
  widen<bf16_to_f32>(blocks, out, n_elements);
}

void encode_f32(const float* values, const float*, void* blocks, std::size_t n_elements) {
  if (n_elements > 0) std::memcpy(blocks, values, n_elements * sizeof(float));
}
void encode_f16(const float* values, const float*, void* blocks, std::size_t n_elements) {
  narrow<f32_to_f16>(values, blocks, n_elements);
}
void encode_bf16(const float* values, const float*, void* blocks, std::size_t n_elements) {
  narrow<f32_to_bf16>(values, blocks, n_elements);
}

}  // namespace hearth::quant
