// What models with experts share: routing as the metadata describes it, and the experts that every token visits.
#pragma once

#include <vector>

#include "models/blocks.h"

namespace hearth {

/// Refuses a file without experts, for architectures whose every file has some.
void require_experts(ConfigReader& reader, const ModelConfig& config);
/// Rows of each layer's experts: expert_feed_forward_length, or where a file has none, feed_forward_length shared out
/// among the experts a token visits.
std::vector<std::size_t> read_expert_ffn_dims(ConfigReader& reader, const ModelConfig& config);
/// expert_shared_feed_forward_length, 0 where the file has none.
std::size_t read_shared_ffn_dim(ConfigReader& reader);
/// `defaults` with expert_gating_func, expert_weights_norm, expert_weights_scale and the expert groups of the file.
ops::MoeSpec read_moe_spec(ConfigReader& reader, const ModelConfig& config, ops::MoeSpec defaults);
/// Leaves out the last nextn_predict_layers: they draft further tokens and take no part in the plain forward pass.
void drop_prediction_layers(ConfigReader& reader, ModelConfig& config);

/// Experts that every token visits, beside the chosen ones; a gate of their own may weigh them.
struct SharedExperts {
  GatedFfn ffn;
  Linear gate;  // [1, dim] or empty
};
SharedExperts load_shared_experts(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim);
/// ffn(x), times sigmoid(gate x) where there is a gate.
Tensor shared_experts(Context& ctx, const Tensor& x, const SharedExperts& shared);

}  // namespace hearth
