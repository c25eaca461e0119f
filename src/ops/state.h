// What a sequence remembers, as the operations see it: KV blocks of 256 positions and recurrent floats, per layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/table.h"

namespace hearth::ops {

/// What one layer of a model remembers. A model declares one per layer.
struct LayerState {
  std::size_t n_kv_heads = 0;        // 0: no attention state
  std::size_t k_dim = 0, v_dim = 0;  // per head
  std::size_t n_recurrent = 0;       // floats carried from position to position (convolution tail, recurrence)
};

/// Where each layer's state lies inside a sequence's memory.
class StateLayout {
 public:
  StateLayout() = default;
  StateLayout(std::span<const LayerState> layers, kernels::KvType type);

  /// One block = all layers' keys and values of 256 positions.
  [[nodiscard]] std::size_t block_bytes() const { return block_bytes_; }
  [[nodiscard]] std::size_t n_recurrent() const { return n_recurrent_; }
  [[nodiscard]] kernels::KvType type() const { return type_; }

  [[nodiscard]] std::byte* keys(std::byte* block, std::size_t layer, std::size_t kv_head) const;
  [[nodiscard]] std::byte* values(std::byte* block, std::size_t layer, std::size_t kv_head) const;
  [[nodiscard]] std::span<float> recurrent(std::span<float> all, std::size_t layer) const;
  [[nodiscard]] const LayerState& layer(std::size_t idx) const { return layers_[idx].state; }
  [[nodiscard]] std::size_t n_layers() const { return layers_.size(); }

 private:
  struct Layer {
    LayerState state;
    std::size_t keys_offset, values_offset;  // in a block
    std::size_t key_bytes, value_bytes;      // per head
    std::size_t recurrent_offset;
  };
  std::vector<Layer> layers_;
  kernels::KvType type_ = kernels::KvType::kF16;
  std::size_t block_bytes_ = 0, n_recurrent_ = 0;
};

/// Consecutive rows of a micro-batch that belong to one sequence.
struct RowSpan {
  std::size_t row_begin = 0, n_rows = 0;
  std::size_t position_begin = 0;  // of the first row
  std::size_t visible_end = 0;     // positions that exist once this span is stored
  enum class Mask : std::uint8_t { kCausal, kBidirectional } mask = Mask::kCausal;
  std::span<std::byte* const> blocks;  // KV blocks covering [0, visible_end), writable where this span writes
  std::span<float> recurrent;          // the sequence's recurrent state, updated in place
};

}  // namespace hearth::ops
