// Attention in its obvious form, one query row and one position at a time: the specification of the other tables.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/families.h"
#include "kernels/kv_layout.h"
#include "kernels/target.h"
#include "tensor/half.h"

namespace hearth::kernels {

namespace scalar {

namespace {

#include "kernels/scalar/lanes.inl.h"

#include "kernels/portable/math.inl.h"

float exp(float x) {
  return first_lane(exp(set(x)));
}
float tanh(float x) {
  return first_lane(tanh(set(x)));
}

using ElementAt = std::size_t (*)(std::size_t dim, std::size_t position, std::size_t d);

/// Scales stand like elements of a vector of kv_groups(dim) dimensions.
void store_q8(std::size_t dim, std::size_t position, const float* vector, std::byte* block, ElementAt at) {
  auto* codes = reinterpret_cast<std::int8_t*>(block);
  for (std::size_t g = 0; g < kv_groups(dim); ++g) {
    const std::size_t end = dim < (g + 1) * kKvGroup ? dim : (g + 1) * kKvGroup;
    std::uint32_t magnitude = 0;  // of the 31 magnitude bits: NaN > infinity > finite
    for (std::size_t d = g * kKvGroup; d < end; ++d) {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(vector[d]) & 0x7fffffffu;
      magnitude = bits > magnitude ? bits : magnitude;
    }
    const KvScale scale = kv_scale(std::bit_cast<float>(magnitude));
    kv_scales(block, dim)[at(kv_groups(dim), position, g)] = scale.half;
    for (std::size_t d = g * kKvGroup; d < end; ++d) {
      if (scale.inverse == 0.0f) {
        codes[at(dim, position, d)] = 0;
        continue;
      }
      float code = vector[d] * scale.inverse;
      code = code > 127.0f ? 127.0f : code < -127.0f ? -127.0f : code;
      codes[at(dim, position, d)] = static_cast<std::int8_t>((code + 0x1.8p23f) - 0x1.8p23f);
    }
  }
}

void store(KvType type, std::size_t dim, std::size_t position, const float* vector, std::byte* block, ElementAt at) {
  if (type == KvType::kQ8_0) return store_q8(dim, position, vector, block, at);
  for (std::size_t d = 0; d < dim; ++d) {
    if (type == KvType::kF16) {
      reinterpret_cast<std::uint16_t*>(block)[at(dim, position, d)] = kv_half(vector[d]);
    } else {
      reinterpret_cast<float*>(block)[at(dim, position, d)] = vector[d];
    }
  }
}

void store_key(KvType type, std::size_t dim, std::size_t position, const float* vector, std::byte* block) {
  store(type, dim, position, vector, block, key_at);
}
void store_value(KvType type, std::size_t dim, std::size_t position, const float* vector, std::byte* block) {
  store(type, dim, position, vector, block, value_at);
}

float element(KvType type, std::size_t dim, std::size_t position, std::size_t d, const std::byte* block, ElementAt at) {
  switch (type) {
    case KvType::kF16: return f16_to_f32(reinterpret_cast<const std::uint16_t*>(block)[at(dim, position, d)]);
    case KvType::kF32: return reinterpret_cast<const float*>(block)[at(dim, position, d)];
    case KvType::kQ8_0: break;
  }
  const float scale = f16_to_f32(kv_scales(block, dim)[at(kv_groups(dim), position, d / kKvGroup)]);
  return scale * reinterpret_cast<const std::int8_t*>(block)[at(dim, position, d)];
}

float score(const AttentionBlock& b, std::size_t row, std::size_t j) {
  float s = 0.0f;
  for (std::size_t d = 0; d < b.k_dim; ++d) {
    s = std::fma(b.q[row * b.q_stride + d], element(b.type, b.k_dim, j, d, b.keys, key_at), s);
  }
  s = s * b.scale;
  if (b.soft_cap != 0.0f) s = b.soft_cap * tanh(s / b.soft_cap);
  if (b.slopes != nullptr) {
    const auto distance = static_cast<std::int32_t>(j) - b.query_minus_block[row];
    s = std::fma(b.slopes[row], static_cast<float>(distance), s);
  }
  return s;
}

void attention(const AttentionBlock& b, std::byte*) {
  float s[kAttentionBlock];
  for (std::size_t row = 0; row < b.n_rows; ++row) {
    const auto lo = static_cast<std::size_t>(b.lo[row]), hi = static_cast<std::size_t>(b.hi[row]);
    Lanes most = set(-std::numeric_limits<float>::infinity()), sum = set(0.0f);
    for (std::size_t j = lo; j < hi; ++j) {
      s[j] = score(b, row, j);
      float& lane = most.v[j % kLanes];
      lane = s[j] > lane ? s[j] : lane;
    }
    const float m = max_lanes(most);
    float* acc = b.acc + row * b.acc_stride;
    for (std::size_t d = 0; d < b.v_dim; ++d) acc[d] = 0.0f;
    for (std::size_t j = lo; j < hi; ++j) {
      const float p = exp(s[j] - m);
      sum.v[j % kLanes] += p;
      for (std::size_t d = 0; d < b.v_dim; ++d) {
        acc[d] = std::fma(p, element(b.type, b.v_dim, j, d, b.values, value_at), acc[d]);
      }
    }
    b.max[row] = m;
    b.sum[row] = sum_lanes(sum);
  }
}

void attention_merge(float& run_max, float& run_sum, float* run_acc, float max, float sum, const float* acc,
                     std::size_t dim) {
  const float both = max > run_max ? max : run_max;
  const float f = exp(run_max - both), g = exp(max - both);
  run_max = both;
  run_sum = std::fma(sum, g, run_sum * f);
  for (std::size_t d = 0; d < dim; ++d) run_acc[d] = std::fma(acc[d], g, run_acc[d] * f);
}

void attention_finish(const float* acc, float sum, float* out, std::size_t dim) {
  const float inverse = 1.0f / sum;
  for (std::size_t d = 0; d < dim; ++d) out[d] = std::fma(acc[d], inverse, 0.0f);
}

}  // namespace

}  // namespace scalar

void fill_attention_scalar(KernelTable& table) {
  table.store_key = scalar::store_key;
  table.store_value = scalar::store_value;
  table.attention = scalar::attention;
  table.attention_merge = scalar::attention_merge;
  table.attention_finish = scalar::attention_finish;
}

}  // namespace hearth::kernels
