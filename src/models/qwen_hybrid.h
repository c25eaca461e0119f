// The two kinds of layer of Qwen3-Next and Qwen3.5: the gated delta net (arXiv 2412.06464) and attention with an output
// gate.
#pragma once

#include "models/model.h"
#include "models/recurrent.h"

namespace hearth {

struct DeltaNetDims {
  std::size_t n_k_heads = 0, n_v_heads = 0, head_dim = 0, conv_width = 0;
  [[nodiscard]] std::size_t key_dim() const { return n_k_heads * head_dim; }
  [[nodiscard]] std::size_t value_dim() const { return n_v_heads * head_dim; }
  [[nodiscard]] std::size_t conv_dim() const { return 2 * key_dim() + value_dim(); }
  [[nodiscard]] std::size_t state() const { return convolution_state(conv_width, conv_dim()) + value_dim() * head_dim; }
};
/// ssm.*: group_count key heads, time_step_rank value heads of state_size elements.
DeltaNetDims read_delta_net_dims(ConfigReader& reader, const ModelConfig& config);
/// Per layer whether it is a delta net: attention.recurrent_layers, else all but every full_attention_interval-th.
std::vector<bool> read_recurrent_layers(ConfigReader& reader, const ModelConfig& config);

/// What a delta net makes of its input; how the projections to it lie in the file differs between models.
struct DeltaNetInputs {
  Tensor qkv;          // [rows, conv_dim]: queries, keys, values
  Tensor z;            // [rows, value_dim]: gate of the output
  Tensor beta, alpha;  // [rows, n_v_heads]: before sigmoid and softplus
};
struct DeltaNet {
  ShortConvolution conv;  // over conv_dim channels
  Vector dt_bias, a;      // [n_v_heads]
  Vector norm;            // [head_dim]
  Linear out;             // [dim, value_dim]
};
DeltaNet load_delta_net(WeightLoader& weights, std::size_t layer, const ModelConfig& config, const DeltaNetDims& dims);
Tensor delta_net(Context& ctx, std::size_t layer, const DeltaNetInputs& in, const DeltaNet& net,
                 const DeltaNetDims& dims, ops::DeltaRule::Sharing sharing, float eps);

/// Attention whose query projection also gives a gate for each head's output.
struct GatedAttention {
  Linear wq;              // [n_heads * 2 * head_dim, dim]: per head the query, then the gate
  Linear wk, wv;          // [n_kv_heads * head_dim, dim]
  Vector q_norm, k_norm;  // [head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
};
GatedAttention load_gated_attention(WeightLoader& weights, std::size_t layer, const ModelConfig& config);
/// Per layer: the state of a delta net where `recurrent`, else keys and values.
std::vector<ops::LayerState> hybrid_states(const ModelConfig& config, const DeltaNetDims& dims,
                                           const std::vector<bool>& recurrent);
Tensor gated_attention(Context& ctx, std::size_t layer, const Tensor& x, const GatedAttention& attention,
                       const ModelConfig& config, const Rope& rope, float scale);
/// Refuses attention layers whose gates would not fit their outputs.
void require_gated_attention(ConfigReader& reader, const ModelConfig& config, const std::vector<bool>& recurrent);
/// attention.scale, or 1 / sqrt(head_dim) where the file has none.
float read_attention_scale(ConfigReader& reader, const ModelConfig& config);

}  // namespace hearth
