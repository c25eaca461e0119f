// The arithmetic of storing keys and values, one number at a time.
#include "kernels/kv_layout.h"

#include "tensor/half.h"

namespace hearth::kernels {

namespace {

constexpr float kLargestHalf = 65504.0f;

}  // namespace

std::size_t kv_block_bytes(KvType type, std::size_t dim) {
  switch (type) {
    case KvType::kF16: return kAttentionBlock * dim * 2;
    case KvType::kF32: return kAttentionBlock * dim * 4;
    case KvType::kQ8_0: return kAttentionBlock * (dim + 2 * kv_groups(dim));
  }
  return 0;
}

std::uint16_t kv_half(float x) {
  return f32_to_f16(x > kLargestHalf ? kLargestHalf : x < -kLargestHalf ? -kLargestHalf : x);
}

KvScale kv_scale(float magnitude) {
  if (magnitude != magnitude) return {0x7e00, 0.0f};
  const std::uint16_t half = kv_half(magnitude / 127.0f);
  const float scale = f16_to_f32(half);
  return {half, scale > 0.0f ? 1.0f / scale : 0.0f};
}

}  // namespace hearth::kernels
