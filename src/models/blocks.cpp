// The shared pieces: loading by the converters' names, and the few lines of arithmetic.
#include "models/blocks.h"

#include <cmath>

#include <fmt/format.h>

namespace hearth {

std::string block_name(std::size_t layer, std::string_view part) {
  return fmt::format("blk.{}.{}", layer, part);
}

GatedFfn load_gated_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim,
                        std::string_view suffix) {
  const auto name = [&](std::string_view part) { return block_name(layer, part) + std::string(suffix); };
  return {weights.linear(name("ffn_gate"), ffn_dim, dim), weights.linear(name("ffn_up"), ffn_dim, dim),
          weights.linear(name("ffn_down"), dim, ffn_dim)};
}

Tensor gated_ffn(Context& ctx, const Tensor& x, const GatedFfn& ffn, Activation act) {
  const auto [gate, up] = ctx.linear_all(x, ffn.gate, ffn.up);
  return ctx.linear(ctx.gated(act, gate, up), ffn.down);
}

PlainFfn load_plain_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim) {
  return {weights.linear(block_name(layer, "ffn_up"), ffn_dim, dim),
          weights.linear(block_name(layer, "ffn_down"), dim, ffn_dim)};
}

Tensor plain_ffn(Context& ctx, const Tensor& x, const PlainFfn& ffn, Activation act) {
  return ctx.linear(ctx.activate(ctx.linear(x, ffn.up), act), ffn.down);
}

MoeFfn load_moe_ffn(WeightLoader& weights, std::size_t layer, const ModelConfig& config, std::size_t expert_ffn_dim) {
  const std::size_t n = config.n_experts, dim = config.dim;
  return {weights.linear(block_name(layer, "ffn_gate_inp"), n, dim),
          weights.experts(block_name(layer, "ffn_gate_exps"), n, expert_ffn_dim, dim),
          weights.experts(block_name(layer, "ffn_up_exps"), n, expert_ffn_dim, dim),
          weights.experts(block_name(layer, "ffn_down_exps"), n, dim, expert_ffn_dim),
          weights.optional_vector(block_name(layer, "exp_probs_b.bias"), n)};
}

Tensor moe_ffn(Context& ctx, const Tensor& x, const MoeFfn& ffn, ops::MoeSpec spec) {
  spec.selection_bias = ffn.selection_bias;
  return ctx.moe(x, ctx.linear(x, ffn.router), ffn.experts(), spec);
}

Ends load_ends(WeightLoader& weights, const ModelConfig& config) {
  Ends ends;
  ends.token_embd = weights.matrix("token_embd.weight", config.vocab_size, config.dim);
  ends.output_norm = weights.optional_vector("output_norm.weight", config.dim);
  ends.output_norm_bias = weights.optional_vector("output_norm.bias", config.dim);
  ends.output = weights.optional_linear("output", config.vocab_size, config.dim);
  return ends;
}

std::vector<ops::LayerState> attention_states(const ModelConfig& config) {
  std::vector<ops::LayerState> states;
  for (std::size_t l = 0; l < config.n_layers; ++l)
    states.push_back({config.n_kv_heads[l], config.k_head_dim, config.v_head_dim, 0});
  return states;
}

ops::AttentionSpec attention_spec(const ModelConfig& config, std::size_t layer) {
  return {.n_heads = config.n_heads[layer],
          .n_kv_heads = config.n_kv_heads[layer],
          .k_dim = config.k_head_dim,
          .v_dim = config.v_head_dim,
          .scale = 1.0f / std::sqrt(static_cast<float>(config.k_head_dim))};
}

}  // namespace hearth
