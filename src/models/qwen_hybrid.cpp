// Gated delta net and gated attention.
#include "models/qwen_hybrid.h"

#include <cmath>

#include <fmt/format.h>

namespace hearth {

DeltaNetDims read_delta_net_dims(ConfigReader& reader, const ModelConfig& config) {
  constexpr std::size_t kMaxHeads = 1u << 16;
  DeltaNetDims d;
  d.conv_width = reader.integer("ssm.conv_kernel", 2, 64);
  d.n_k_heads = reader.integer("ssm.group_count", 1, kMaxHeads);
  d.n_v_heads = reader.integer("ssm.time_step_rank", 1, kMaxHeads);
  d.head_dim = reader.integer("ssm.state_size", 1, config.dim);  // so that ssm_out's size bounds the state's
  const std::size_t inner = reader.integer("ssm.inner_size", 1, 1u << 24);
  if (d.n_v_heads % d.n_k_heads != 0 || inner != d.value_dim()) {
    reader.fail_with({ErrorCode::kCorruptedModel,
                      fmt::format("{} value heads of {} elements for {} key heads do not make an inner size of {}",
                                  d.n_v_heads, d.head_dim, d.n_k_heads, inner)});
  }
  return d;
}

std::vector<bool> read_recurrent_layers(ConfigReader& reader, const ModelConfig& config) {
  constexpr std::string_view kKey = "attention.recurrent_layers";
  if (reader.has(kKey)) return read_layer_flags(reader, kKey, config.n_layers);
  const std::size_t interval = reader.integer("full_attention_interval", 1, 4096, std::size_t{4});
  std::vector<bool> recurrent(config.n_layers);
  for (std::size_t l = 0; l < config.n_layers; ++l) recurrent[l] = (l + 1) % interval != 0;
  return recurrent;
}

DeltaNet load_delta_net(WeightLoader& weights, std::size_t layer, const ModelConfig& config, const DeltaNetDims& dims) {
  return {.conv = load_short_convolution(weights, block_name(layer, "ssm_conv1d"), dims.conv_width, dims.conv_dim()),
          .dt_bias = weights.vector(block_name(layer, "ssm_dt.bias"), dims.n_v_heads),
          .a = weights.vector(block_name(layer, "ssm_a"), dims.n_v_heads),
          .norm = weights.vector(block_name(layer, "ssm_norm.weight"), dims.head_dim),
          .out = weights.linear(block_name(layer, "ssm_out"), config.dim, dims.value_dim())};
}

Tensor delta_net(Context& ctx, std::size_t layer, const DeltaNetInputs& in, const DeltaNet& net,
                 const DeltaNetDims& dims, ops::DeltaRule::Sharing sharing, float eps) {
  const std::size_t d = dims.head_dim, key_dim = dims.key_dim(), value_dim = dims.value_dim();
  const float inverse_length = 1.0f / std::sqrt(static_cast<float>(d));
  const Tensor qkv = ctx.activate(ctx.short_convolution(layer, in.qkv, net.conv.at(0)), Activation::kSilu);
  // x / sqrt(sum of squares + eps), as a root mean square over d elements.
  const auto unit_heads = [&](std::size_t begin) {
    Tensor x = ctx.rms_norm_parts(ctx.columns(qkv, begin, key_dim), d, {}, eps / static_cast<float>(d));
    ctx.scale(x, inverse_length);
    return x;
  };
  const Tensor q = unit_heads(0), k = unit_heads(key_dim);          // [rows, n_k_heads * d]
  const Tensor v = ctx.columns(qkv, 2 * key_dim, value_dim);        // [rows, n_v_heads * d]
  const Tensor beta = ctx.activate(in.beta, Activation::kSigmoid);  // [rows, n_v_heads]
  Tensor alpha = in.alpha;
  ctx.add_columns(alpha, net.dt_bias);
  alpha = ctx.activate(alpha, Activation::kSoftplus);
  ctx.scale_columns(alpha, net.a);
  const Tensor y = ctx.delta_rule(layer, q, k, v, ctx.activate(alpha, Activation::kExp), beta,
                                  {.n_k_heads = dims.n_k_heads,
                                   .n_v_heads = dims.n_v_heads,
                                   .k_dim = d,
                                   .v_dim = d,
                                   .sharing = sharing,
                                   .scale = inverse_length,
                                   .state_offset = convolution_state(dims.conv_width, dims.conv_dim())});
  return ctx.linear(ctx.gated(Activation::kSilu, in.z, ctx.rms_norm_parts(y, d, net.norm, eps)), net.out);
}

GatedAttention load_gated_attention(WeightLoader& weights, std::size_t layer, const ModelConfig& config) {
  const std::size_t n_q = config.n_heads[layer] * config.k_head_dim, n_kv = config.n_kv_heads[layer];
  return {.wq = weights.linear(block_name(layer, "attn_q"), 2 * n_q, config.dim),
          .wk = weights.linear(block_name(layer, "attn_k"), n_kv * config.k_head_dim, config.dim),
          .wv = weights.linear(block_name(layer, "attn_v"), n_kv * config.v_head_dim, config.dim),
          .q_norm = weights.vector(block_name(layer, "attn_q_norm.weight"), config.k_head_dim),
          .k_norm = weights.vector(block_name(layer, "attn_k_norm.weight"), config.k_head_dim),
          .wo = load_attention_output(weights, config, layer)};
}

std::vector<ops::LayerState> hybrid_states(const ModelConfig& config, const DeltaNetDims& dims,
                                           const std::vector<bool>& recurrent) {
  std::vector<ops::LayerState> states = attention_states(config);
  for (std::size_t l = 0; l < states.size(); ++l) {
    if (recurrent[l]) states[l] = {.n_recurrent = dims.state()};
  }
  return states;
}

Tensor gated_attention(Context& ctx, std::size_t layer, const Tensor& x, const GatedAttention& attention,
                       const ModelConfig& config, const Rope& rope, float scale) {
  const std::size_t d = config.k_head_dim;
  auto [both, k, v] = ctx.linear_all(x, attention.wq, attention.wk, attention.wv);
  const Tensor gate = ctx.part_columns(both, 2 * d, d, d);  // [rows, n_heads * d]
  Tensor q = ctx.rms_norm_parts(ctx.part_columns(both, 2 * d, 0, d), d, attention.q_norm, config.norm_eps);
  k = ctx.rms_norm_parts(k, d, attention.k_norm, config.norm_eps);
  ctx.rope(q, rope, d);
  ctx.rope(k, rope, d);
  ops::AttentionSpec spec = attention_spec(config, layer);
  spec.scale = scale;
  return ctx.linear(ctx.gated(Activation::kSigmoid, gate, ctx.attention(layer, q, k, v, spec)), attention.wo);
}

void require_gated_attention(ConfigReader& reader, const ModelConfig& config, const std::vector<bool>& recurrent) {
  bool fits = config.k_head_dim > 0 && config.k_head_dim == config.v_head_dim;
  for (std::size_t l = 0; l < config.n_layers; ++l) fits = fits && (recurrent[l] || config.n_kv_heads[l] > 0);
  if (fits) return;
  reader.fail_with({ErrorCode::kCorruptedModel,
                    "attention layers need heads, whose keys and values have the same number of elements"});
}

float read_attention_scale(ConfigReader& reader, const ModelConfig& config) {
  const float scale = reader.number("attention.scale", 0.0f);
  return scale != 0 ? scale : 1.0f / std::sqrt(static_cast<float>(std::max<std::size_t>(config.k_head_dim, 1)));
}

}  // namespace hearth
