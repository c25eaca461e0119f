// StateLayout: offsets of every layer inside a KV block and inside the recurrent floats.
#include "ops/state.h"

namespace hearth::ops {

namespace {
constexpr std::size_t round_up(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}
}  // namespace

StateLayout::StateLayout(std::span<const LayerState> layers, kernels::KvType type) : type_(type) {
  layers_.reserve(layers.size());
  for (const LayerState& state : layers) {
    Layer layer{.state = state};
    layer.key_bytes = state.n_kv_heads ? round_up(kernels::kv_block_bytes(type, state.k_dim)) : 0;
    layer.value_bytes = state.n_kv_heads ? round_up(kernels::kv_block_bytes(type, state.v_dim)) : 0;
    layer.keys_offset = block_bytes_;
    layer.values_offset = layer.keys_offset + state.n_kv_heads * layer.key_bytes;
    block_bytes_ = layer.values_offset + state.n_kv_heads * layer.value_bytes;
    layer.recurrent_offset = n_recurrent_;
    n_recurrent_ += state.n_recurrent;
    layers_.push_back(layer);
  }
}

std::byte* StateLayout::keys(std::byte* block, std::size_t layer, std::size_t kv_head) const {
  return block + layers_[layer].keys_offset + kv_head * layers_[layer].key_bytes;
}

std::byte* StateLayout::values(std::byte* block, std::size_t layer, std::size_t kv_head) const {
  return block + layers_[layer].values_offset + kv_head * layers_[layer].value_bytes;
}

std::span<float> StateLayout::recurrent(std::span<float> all, std::size_t layer) const {
  return all.subspan(layers_[layer].recurrent_offset, layers_[layer].state.n_recurrent);
}

}  // namespace hearth::ops
