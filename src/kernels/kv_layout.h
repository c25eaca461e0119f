// Where one (kv head, 256-position block) of keys or values keeps its numbers; table.h draws the picture.
//
// Keys stand in tiles of 16 positions, so that one load gives one dimension of 16 positions: the lanes of q * k are
// positions. Values stand position by position: the lanes of p * v are dimensions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/table.h"

namespace hearth::kernels {

inline constexpr std::size_t kTilePositions = 16;
inline constexpr std::size_t kKvGroup = 32;  // dimensions that share a Q8_0 scale

constexpr std::size_t kv_groups(std::size_t dim) {
  return (dim + kKvGroup - 1) / kKvGroup;
}

/// Element (a Q8_0 code too) of dimension d at a position.
constexpr std::size_t key_at(std::size_t dim, std::size_t position, std::size_t d) {
  return (position / kTilePositions * dim + d) * kTilePositions + position % kTilePositions;
}
constexpr std::size_t value_at(std::size_t dim, std::size_t position, std::size_t d) {
  return position * dim + d;
}

/// The F16 scales of a Q8_0 block, after its codes.
inline const std::uint16_t* kv_scales(const std::byte* block, std::size_t dim) {
  return reinterpret_cast<const std::uint16_t*>(block + kAttentionBlock * dim);
}
inline std::uint16_t* kv_scales(std::byte* block, std::size_t dim) {
  return reinterpret_cast<std::uint16_t*>(block + kAttentionBlock * dim);
}

/// The scale of a Q8_0 group of magnitude a: F16(a / 127), saturating; and the factor that makes codes of numbers.
struct KvScale {
  std::uint16_t half;
  float inverse;  // 0 where every code is 0: no magnitude, too small for F16, or NaN
};
KvScale kv_scale(float magnitude);

/// F16 of a key or value element: round to nearest even, saturating at 65504; NaN stays NaN.
std::uint16_t kv_half(float x);

}  // namespace hearth::kernels
