// Pieces that many architectures share, as plain data and plain functions: compose them, do not parametrise them.
#pragma once

#include <array>
#include <string>

#include "models/config.h"
#include "ops/context.h"
#include "ops/state.h"
#include "weights/loader.h"

namespace hearth {

using ops::Activation;
using ops::Context;
using ops::Rope;
using ops::Tensor;

/// "blk.7.attn_q" from (7, "attn_q").
std::string block_name(std::size_t layer, std::string_view part);

/// Layer norm; the bias is empty where the file has none.
struct Norm {
  Vector weight, bias;  // [n]
};
/// `name`.weight, and `name`.bias where the file has it.
Norm load_norm(WeightLoader& weights, const std::string& name, std::size_t n);
Tensor layer_norm(Context& ctx, const Tensor& x, const Norm& norm, float eps);

/// The projections to queries, keys and values: three matrices, or one whose rows are theirs, one below the other.
struct Qkv {
  Linear q, k, v;  // [n_heads * k_head_dim, dim], [n_kv_heads * k_head_dim, dim], [n_kv_heads * v_head_dim, dim]
  Linear fused;    // [the sum of their rows, dim]; then q, k and v are empty
  std::size_t n_q = 0, n_k = 0, n_v = 0;
};
/// attn_qkv, or attn_q, attn_k and attn_v; biases where the file has them.
Qkv load_qkv(WeightLoader& weights, const ModelConfig& config, std::size_t layer);
/// x [rows, dim] -> q, k, v [rows, heads * head_dim]
std::array<Tensor, 3> project(Context& ctx, const Tensor& x, const Qkv& qkv);
/// A norm weight per head, [n_heads][head_dim], or empty where the file has none.
Vector load_head_norms(WeightLoader& weights, const std::string& full_name, std::size_t n_heads, std::size_t head_dim);
/// attn_output [dim, n_heads * v_head_dim]
Linear load_attention_output(WeightLoader& weights, const ModelConfig& config, std::size_t layer);

/// Rope whose frequency factors may depend on the context size (longrope, arXiv 2402.13753): one set up to the length
/// the model was first trained with, one beyond.
struct ContextRope {
  Rope within, beyond;
  std::size_t n_ctx_original = 0;
  [[nodiscard]] const Rope& at(std::size_t n_ctx) const { return n_ctx > n_ctx_original ? beyond : within; }
};
/// Factors from rope_freqs, else from rope_factors_short and rope_factors_long, else none.
ContextRope load_context_rope(WeightLoader& weights, ops::RopeOptions options, std::size_t n_ctx_original);

/// act(gate x) * (up x), then down: SwiGLU and its kin.
struct GatedFfn {
  Linear gate, up;  // each [ffn_dim, dim]
  Linear down;      // [dim, ffn_dim]
};
GatedFfn load_gated_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim,
                        std::string_view suffix = "");
Tensor gated_ffn(Context& ctx, const Tensor& x, const GatedFfn& ffn, Activation act);

/// The same with gate and up as one matrix: the gate's rows first.
struct FusedGatedFfn {
  Linear gate_up;  // [2 * ffn_dim, dim], named ffn_up
  Linear down;     // [dim, ffn_dim]
};
FusedGatedFfn load_fused_gated_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim);
Tensor fused_gated_ffn(Context& ctx, const Tensor& x, const FusedGatedFfn& ffn, Activation act);

/// down(act(up x)).
struct PlainFfn {
  Linear up, down;
};
PlainFfn load_plain_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim);
Tensor plain_ffn(Context& ctx, const Tensor& x, const PlainFfn& ffn, Activation act);

/// Experts behind a router.
struct MoeFfn {
  Linear router;           // [n_experts, dim]
  Experts gate, up, down;  // per expert [ffn, dim], [ffn, dim], [dim, ffn]
  Vector selection_bias;   // exp_probs_b, or empty
  Vector output_scale;     // ffn_down_exps.scale: a factor per expert, or empty
  [[nodiscard]] ops::MoeExperts experts() const { return {gate, up, down, output_scale}; }
};
/// Gate and up may be one tensor, ffn_gate_up_exps.
MoeFfn load_moe_ffn(WeightLoader& weights, std::size_t layer, const ModelConfig& config, std::size_t expert_ffn_dim);
Tensor moe_ffn(Context& ctx, const Tensor& x, const MoeFfn& ffn, ops::MoeSpec spec);

/// Token table, final norm and output matrix; tied models use the token table as output. output_norm.weight is
/// required, its bias and the output's are not.
struct Ends {
  Matrix token_embd;  // [vocab, dim]
  Vector output_norm, output_norm_bias;
  Linear output;  // empty: tied
  [[nodiscard]] kernels::LinearView head() const {
    if (output) return output;
    return {token_embd.view(), {}};
  }
};
Ends load_ends(WeightLoader& weights, const ModelConfig& config);

/// One full-attention (or windowed) state per layer.
std::vector<ops::LayerState> attention_states(const ModelConfig& config);
/// Head counts, dimensions and 1 / sqrt(k_head_dim) of a layer.
ops::AttentionSpec attention_spec(const ModelConfig& config, std::size_t layer);

}  // namespace hearth
