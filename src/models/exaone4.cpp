// EXAONE 4 (arXiv 2507.11407): norms after attention and feed-forward, and on every head of queries and keys. The 32B
// model gives three layers of four a window; there the layers that see all positions do not turn.
#include <algorithm>

#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Qkv qkv;
  Vector q_norm, k_norm;  // [head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
  Vector attn_post_norm;  // [dim]
  GatedFfn ffn;
  Vector ffn_post_norm;  // [dim]
};

struct Exaone4 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::vector<std::size_t> windows;  // [n_layers], 0: all positions
  ContextRope rope;
  bool hybrid = false;  // has windows

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const Rope& turn = rope.at(ctx.n_ctx());
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      ops::AttentionSpec spec = attention_spec(c, l);
      spec.window = windows[l];
      auto [q, k, v] = project(ctx, x, layer.qkv);  // [rows, heads * head_dim]
      q = ctx.rms_norm_parts(q, c.k_head_dim, layer.q_norm, c.norm_eps);
      k = ctx.rms_norm_parts(k, c.k_head_dim, layer.k_norm, c.norm_eps);
      if (windows[l] || !hybrid) {
        ctx.rope(q, turn, c.k_head_dim);
        ctx.rope(k, turn, c.k_head_dim);
      }
      Tensor h = ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo);
      ctx.add(x, ctx.rms_norm(h, layer.attn_post_norm, c.norm_eps));

      h = gated_ffn(ctx, x, layer.ffn, Activation::kSilu);
      ctx.add(x, ctx.rms_norm(h, layer.ffn_post_norm, c.norm_eps));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_exaone4(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  skip_prediction_layers(reader, c);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  const std::vector<std::size_t> windows = read_windows(reader, c, c.n_layers == 64 ? 4096 : 0, 4);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Exaone4>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  model->windows = windows;
  model->hybrid = std::ranges::any_of(windows, [](std::size_t window) { return window > 0; });
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.qkv = load_qkv(w, c, l),
                             .q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.k_head_dim),
                             .k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.k_head_dim),
                             .wo = load_attention_output(w, c, l),
                             .attn_post_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim),
                             .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .ffn_post_norm = w.vector(block_name(l, "post_ffw_norm.weight"), c.dim)});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
