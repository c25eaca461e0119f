// Routing options read from metadata, each checked; shared experts.
#include "models/moe.h"

#include <fmt/format.h>

namespace hearth {

namespace {
constexpr std::size_t kMaxDim = 1u << 20;
}

void require_experts(ConfigReader& reader, const ModelConfig& config) {
  if (config.n_experts > 0 && config.n_experts_used > 0) return;
  reader.fail_with({ErrorCode::kCorruptedModel,
                    fmt::format("\"{}\" and \"{}\" must be at least 1 for this architecture, found {} and {}",
                                reader.full_key("expert_count"), reader.full_key("expert_used_count"), config.n_experts,
                                config.n_experts_used)});
}

std::vector<std::size_t> read_expert_ffn_dims(ConfigReader& reader, const ModelConfig& config) {
  if (reader.has("expert_feed_forward_length"))
    return reader.per_layer("expert_feed_forward_length", config.n_layers, 0, kMaxDim);
  std::vector<std::size_t> dims = config.ffn_dim;
  for (std::size_t& dim : dims) dim /= std::max<std::size_t>(config.n_experts_used, 1);
  return dims;
}

std::size_t read_shared_ffn_dim(ConfigReader& reader) {
  return reader.integer("expert_shared_feed_forward_length", 0, kMaxDim, std::size_t{0});
}

ops::MoeSpec read_moe_spec(ConfigReader& reader, const ModelConfig& config, ops::MoeSpec defaults) {
  using Gate = ops::MoeSpec::Gate;
  ops::MoeSpec spec = defaults;
  spec.n_used = config.n_experts_used;
  switch (const std::size_t gate = reader.integer("expert_gating_func", 0, 255, std::size_t{0}); gate) {
    case 0: break;
    case 1: spec.gate = Gate::kSoftmax; break;
    case 2: spec.gate = Gate::kSigmoid; break;
    case 3: spec.gate = Gate::kSoftmaxOfChosen; break;
    default:
      reader.fail_with({ErrorCode::kUnsupportedModel,
                        fmt::format("\"{}\" {} is not supported; known: 1 (softmax), 2 (sigmoid), 3 (softmax of the "
                                    "chosen)",
                                    reader.full_key("expert_gating_func"), gate)});
  }
  const bool normalised = spec.weights == ops::MoeSpec::Weights::kNormalised;
  spec.weights = reader.flag("expert_weights_norm", normalised) ? ops::MoeSpec::Weights::kNormalised
                                                                : ops::MoeSpec::Weights::kAsIs;
  const float scale = reader.number("expert_weights_scale", spec.weight_scale);
  spec.weight_scale = scale == 0.0f ? 1.0f : scale;
  spec.n_groups = reader.integer("expert_group_count", 0, std::max<std::size_t>(config.n_experts, 1), std::size_t{0});
  spec.n_groups_used = reader.integer("expert_group_used_count", 0, spec.n_groups, std::size_t{0});
  if (spec.n_groups > 1) {
    const std::size_t per_group = config.n_experts / spec.n_groups;
    if (config.n_experts % spec.n_groups != 0 || spec.n_groups_used * per_group < spec.n_used) {
      reader.fail_with({ErrorCode::kCorruptedModel,
                        fmt::format("{} experts in {} groups, {} groups used, cannot give each token {} experts",
                                    config.n_experts, spec.n_groups, spec.n_groups_used, spec.n_used)});
    }
  }
  return spec;
}

void drop_prediction_layers(ConfigReader& reader, ModelConfig& config) {
  const std::size_t n = reader.integer("nextn_predict_layers", 0, config.n_layers - 1, std::size_t{0});
  config.n_layers -= n;
  config.n_heads.resize(config.n_layers);
  config.n_kv_heads.resize(config.n_layers);
  config.ffn_dim.resize(config.n_layers);
}

SharedExperts load_shared_experts(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim) {
  return {load_gated_ffn(weights, layer, dim, ffn_dim, "_shexp"),
          weights.optional_linear(block_name(layer, "ffn_gate_inp_shexp"), 1, dim)};
}

Tensor shared_experts(Context& ctx, const Tensor& x, const SharedExperts& shared) {
  const Tensor y = gated_ffn(ctx, x, shared.ffn, Activation::kSilu);  // [rows, dim]
  if (!shared.gate) return y;
  return ctx.multiply(y, ctx.activate(ctx.linear(x, shared.gate), Activation::kSigmoid));
}

}  // namespace hearth
