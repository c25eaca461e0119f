// Pieces that many architectures share, as plain data and plain functions: compose them, do not parametrise them.
#pragma once

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

/// act(gate x) * (up x), then down: SwiGLU and its kin.
struct GatedFfn {
  Linear gate, up;  // each [ffn_dim, dim]
  Linear down;      // [dim, ffn_dim]
};
GatedFfn load_gated_ffn(WeightLoader& weights, std::size_t layer, std::size_t dim, std::size_t ffn_dim,
                        std::string_view suffix = "");
Tensor gated_ffn(Context& ctx, const Tensor& x, const GatedFfn& ffn, Activation act);

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
  [[nodiscard]] ops::MoeExperts experts() const { return {gate, up, down}; }
};
MoeFfn load_moe_ffn(WeightLoader& weights, std::size_t layer, const ModelConfig& config, std::size_t expert_ffn_dim);
Tensor moe_ffn(Context& ctx, const Tensor& x, const MoeFfn& ffn, ops::MoeSpec spec);

/// Token table, final norm and output matrix; tied models use the token table as output.
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
