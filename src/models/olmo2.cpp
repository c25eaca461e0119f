// OLMo 2 and 3 (arXiv 2501.00656, 2512.13961): norms after attention and feed-forward instead of before, and on all of
// the queries and keys at once. OLMo 3 gives three layers of four a window, where rope stays unscaled.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Qkv qkv;
  Vector q_norm, k_norm;  // [n_heads * head_dim], [n_kv_heads * head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
  Vector attn_post_norm;  // [dim]
  GatedFfn ffn;
  Vector ffn_post_norm;  // [dim]
};

struct Olmo2 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::vector<std::size_t> windows;  // [n_layers], 0: all positions
  Rope rope, local_rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Rope& turn = windows[l] ? local_rope : rope;
      ops::AttentionSpec spec = attention_spec(c, l);
      spec.window = windows[l];
      auto [q, k, v] = project(ctx, x, layer.qkv);  // [rows, heads * head_dim]
      q = ctx.rms_norm(q, layer.q_norm, c.norm_eps);
      k = ctx.rms_norm(k, layer.k_norm, c.norm_eps);
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
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

Result<std::unique_ptr<Model>> load_olmo2(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  auto model = std::make_unique<Olmo2>(c);
  model->rope = make_rope(rope);
  rope.base = reader.positive("rope.freq_base_swa", static_cast<float>(rope.base));
  rope.linear_factor = 1.0;
  rope.yarn = {};
  rope.magnitude = 1.0f;
  model->local_rope = make_rope(rope);
  model->windows = read_windows(reader, c, 0, 4);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.qkv = load_qkv(w, c, l),
                             .q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.n_heads[l] * c.k_head_dim),
                             .k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.n_kv_heads[l] * c.k_head_dim),
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
