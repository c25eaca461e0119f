// Gemma 3, text (arXiv 2503.19786): five layers with a window and a rope of their own to one that sees all, Q and K
// norms, norms before and after attention and feed-forward.
#include <algorithm>
#include <cmath>

#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
  Vector attn_post_norm;  // [dim]
  Vector ffn_norm;        // [dim]
  GatedFfn ffn;
  Vector ffn_post_norm;  // [dim]
};

struct Gemma3 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::vector<std::size_t> windows;  // [n_layers], 0: all positions
  Rope rope, local_rope;
  float attention_scale = 1.0f, logit_cap = 0.0f;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());                              // [rows, dim]
    if (ctx.has_tokens()) ctx.scale(x, std::sqrt(static_cast<float>(c.dim)));  // pictures come scaled
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Rope& turn = windows[l] ? local_rope : rope;
      ops::AttentionSpec spec = attention_spec(c, l);
      spec.scale = attention_scale;
      spec.window = windows[l];

      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      q = ctx.rms_norm_parts(q, c.k_head_dim, layer.q_norm, c.norm_eps);
      k = ctx.rms_norm_parts(k, c.k_head_dim, layer.k_norm, c.norm_eps);
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
      h = ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo);
      ctx.add(x, ctx.rms_norm(h, layer.attn_post_norm, c.norm_eps));

      h = gated_ffn(ctx, ctx.rms_norm(x, layer.ffn_norm, c.norm_eps), layer.ffn, Activation::kGelu);
      ctx.add(x, ctx.rms_norm(h, layer.ffn_post_norm, c.norm_eps));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }

  Tensor logits(Context& ctx, const Tensor& hidden) const override {
    Tensor logits = Decoder::logits(ctx, hidden);
    if (logit_cap > 0) ctx.soft_cap(logits, logit_cap);
    return logits;
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_gemma3(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  auto model = std::make_unique<Gemma3>(c);
  model->rope = make_rope(rope);
  rope.base = reader.positive("rope.freq_base_swa", 10000.0f);
  rope.linear_factor = 1.0;
  model->local_rope = make_rope(rope);
  model->windows = read_windows(reader, c, 0, 6);
  model->logit_cap = reader.number("final_logit_softcapping", 0.0f);
  HEARTH_CHECK(reader.status());
  // The 27B model (62 layers) scales scores by dim / n_heads, which is not its head_dim.
  const std::size_t scale_dim = c.n_layers == 62 ? std::max<std::size_t>(1, c.dim / c.n_heads[0]) : c.k_head_dim;
  model->attention_scale = 1.0f / std::sqrt(static_cast<float>(scale_dim));

  WeightLoader& w = context.weights;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.k_head_dim),
                             .k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.k_head_dim),
                             .wo = load_attention_output(w, c, l),
                             .attn_post_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .ffn_post_norm = w.vector(block_name(l, "post_ffw_norm.weight"), c.dim)});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
