// F32, F16 and BF16 as codecs: the types whose elements stand alone.
#pragma once

#include <cstddef>

namespace hearth::quant {

void decode_f32(const void* blocks, float* out, std::size_t n_elements);
void decode_f16(const void* blocks, float* out, std::size_t n_elements);
void decode_bf16(const void* blocks, float* out, std::size_t n_elements);

/// `importance` is ignored: rounding to nearest is the best answer whatever the weights.
void encode_f32(const float* values, const float* importance, void* blocks, std::size_t n_elements);
void encode_f16(const float* values, const float* importance, void* blocks, std::size_t n_elements);
void encode_bf16(const float* values, const float* importance, void* blocks, std::size_t n_elements);

}  // namespace hearth::quant
