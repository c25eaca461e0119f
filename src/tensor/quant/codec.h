// One row per storable element type: how to decode it, how to encode it, how to take it apart into integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"
#include "tensor/quant/codes.h"

namespace hearth {

/// Everything the engine knows about one element type. All functions are scalar, deterministic and re-entrant; they
/// never read past the blocks they are given, need no alignment, and any bytes decode to something (perhaps NaN).
struct QuantCodec {
  DType type;
  CodesForm form;            // which unpack_* is set; kNone for plain floats
  std::uint16_t scale_span;  // elements that share one scale: 16, 32 or 256; 1 for plain floats
  bool has_min;              // whether m (Codes32) or dmin/min (Codes256) may be non-zero

  /// blocks [n_elements / block_len * block_bytes] -> out [n_elements]; n_elements is a multiple of block_len.
  void (*decode)(const void* blocks, float* out, std::size_t n_elements);

  /// The other way, or null where only readers need the type: makes the sum of importance * (value - decoded)^2 small.
  /// `importance` [n_elements] is not negative; null means all alike. Block formats encode NaN and infinities as zero
  /// (callers who mind check first) and clip what their scale cannot reach; plain floats round as IEEE 754 says.
  void (*encode)(const float* values, const float* importance, void* blocks, std::size_t n_elements);

  /// One output struct per block; exactly one of the three is set, none for plain floats.
  void (*unpack_codes32)(const void* blocks, Codes32* out, std::size_t n_blocks);
  void (*unpack_codes64)(const void* blocks, Codes64* out, std::size_t n_blocks);
  void (*unpack_codes256)(const void* blocks, Codes256* out, std::size_t n_blocks);
};

/// Ascending by type number.
std::span<const QuantCodec> all_codecs();
/// Null for types that hold no weights (integers, F64).
const QuantCodec* find_codec(DType type);

}  // namespace hearth
