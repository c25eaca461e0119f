// The shared pieces: loading by the converters' names, and the few lines of arithmetic.
#include "models/blocks.h"

#include <cmath>
#include <tuple>

#include <fmt/format.h>

namespace hearth {

std::string block_name(std::size_t layer, std::string_view part) {
  return fmt::format("blk.{}.{}", layer, part);
}

Norm load_norm(WeightLoader& weights, const std::string& name, std::size_t n) {
  return {weights.vector(name + ".weight", n), weights.optional_vector(name + ".bias", n)};
}

Tensor layer_norm(Context& ctx, const Tensor& x, const Norm& norm, float eps) {
  return ctx.layer_norm(x, norm.weight, norm.bias, eps);
}

Qkv load_qkv(WeightLoader& weights, const ModelConfig& config, std::size_t layer) {
  Qkv qkv{.n_q = config.n_heads[layer] * config.k_head_dim,
          .n_k = config.n_kv_heads[layer] * config.k_head_dim,
          .n_v = config.n_kv_heads[layer] * config.v_head_dim};
  const std::string fused = block_name(layer, "attn_qkv");
  if (!weights.has(fused + ".weight")) {
    qkv.q = weights.linear(block_name(layer, "attn_q"), qkv.n_q, config.dim);
    qkv.k = weights.linear(block_name(layer, "attn_k"), qkv.n_k, config.dim);
    qkv.v = weights.linear(block_name(layer, "attn_v"), qkv.n_v, config.dim);
    return qkv;
  }
  qkv.fused = weights.linear(fused, qkv.n_q + qkv.n_k + qkv.n_v, config.dim);
  const std::pair<std::string_view, std::size_t> biases[] = {
      {"attn_q.bias", qkv.n_q}, {"attn_k.bias", qkv.n_k}, {"attn_v.bias", qkv.n_v}};
  if (qkv.fused.bias.empty() && weights.has(block_name(layer, "attn_q.bias"))) {  // some old files mix the two forms
    for (const auto& [name, n] : biases) {
      const Vector bias = weights.vector(block_name(layer, name), n);
      qkv.fused.bias.insert(qkv.fused.bias.end(), bias.begin(), bias.end());
    }
  }
  return qkv;
}

std::array<Tensor, 3> project(Context& ctx, const Tensor& x, const Qkv& qkv) {
  if (!qkv.fused) return ctx.linear_all(x, qkv.q, qkv.k, qkv.v);
  const Tensor all = ctx.linear(x, qkv.fused);  // [rows, n_q + n_k + n_v]
  return {ctx.columns(all, 0, qkv.n_q), ctx.columns(all, qkv.n_q, qkv.n_k),
          ctx.columns(all, qkv.n_q + qkv.n_k, qkv.n_v)};
}

Vector load_head_norms(WeightLoader& weights, const std::string& full_name, std::size_t n_heads, std::size_t head_dim) {
  return weights.has(full_name) ? weights.table(full_name, n_heads, head_dim) : Vector{};
}

Linear load_attention_output(WeightLoader& weights, const ModelConfig& config, std::size_t layer) {
  return weights.linear(block_name(layer, "attn_output"), config.dim, config.n_heads[layer] * config.v_head_dim);
}

ContextRope load_context_rope(WeightLoader& weights, ops::RopeOptions options, std::size_t n_ctx_original) {
  const auto with_factors = [&](const Vector& factors) {
    options.factors = factors;
    return make_rope(options);
  };
  const std::size_t n = options.n_rot / 2;
  const Vector all = weights.optional_vector("rope_freqs.weight", n);
  if (!all.empty()) return {with_factors(all), with_factors(all), n_ctx_original};
  return {with_factors(weights.optional_vector("rope_factors_short.weight", n)),
          with_factors(weights.optional_vector("rope_factors_long.weight", n)), n_ctx_original};
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

FusedGatedFfn load_fused_gated_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim) {
  return {weights.linear(block_name(layer, "ffn_up"), 2 * ffn_dim, dim),
          weights.linear(block_name(layer, "ffn_down"), dim, ffn_dim)};
}

Tensor fused_gated_ffn(Context& ctx, const Tensor& x, const FusedGatedFfn& ffn, Activation act) {
  const Tensor both = ctx.linear(x, ffn.gate_up);  // [rows, 2 * ffn_dim]
  const std::size_t ffn_dim = ffn.down.matrix.k;
  return ctx.linear(ctx.gated(act, ctx.columns(both, 0, ffn_dim), ctx.columns(both, ffn_dim, ffn_dim)), ffn.down);
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
  MoeFfn moe;
  moe.router = weights.linear(block_name(layer, "ffn_gate_inp"), n, dim);
  const std::string fused = block_name(layer, "ffn_gate_up_exps");
  if (weights.has(fused + ".weight")) {
    std::tie(moe.gate, moe.up) = weights.fused_experts(fused, n, expert_ffn_dim, dim);
  } else {
    moe.gate = weights.experts(block_name(layer, "ffn_gate_exps"), n, expert_ffn_dim, dim);
    moe.up = weights.experts(block_name(layer, "ffn_up_exps"), n, expert_ffn_dim, dim);
  }
  for (const std::string_view part : {"ffn_gate_exps.scale", "ffn_up_exps.scale", "ffn_gate_up_exps.scale"}) {
    if (weights.has(block_name(layer, part))) {
      weights.fail_with({ErrorCode::kUnsupportedFormat,
                         fmt::format("tensor \"{}\": a factor for each expert's matrix (NVFP4) is not supported",
                                     block_name(layer, part))});
    }
  }
  moe.down = weights.experts(block_name(layer, "ffn_down_exps"), n, dim, expert_ffn_dim);
  moe.selection_bias = weights.optional_vector(block_name(layer, "exp_probs_b.bias"), n);
  moe.output_scale = weights.optional_vector(block_name(layer, "ffn_down_exps.scale"), n);
  return moe;
}

Tensor moe_ffn(Context& ctx, const Tensor& x, const MoeFfn& ffn, ops::MoeSpec spec) {
  spec.selection_bias = ffn.selection_bias;
  return ctx.moe(x, ctx.linear(x, ffn.router), ffn.experts(), spec);
}

Ends load_ends(WeightLoader& weights, const ModelConfig& config) {
  Ends ends;
  ends.token_embd = weights.matrix("token_embd.weight", config.vocab_size, config.dim);
  ends.output_norm = weights.vector("output_norm.weight", config.dim);
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
