// Command R7B and Command A (arXiv 2504.00698): attention and feed-forward beside each other on one layer norm without
// bias; three layers of four turn and see a window, the fourth sees all positions and does not turn.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Norm norm;  // [dim]
  Qkv qkv;
  Linear wo;  // [dim, n_heads * head_dim]
  GatedFfn ffn;
};

struct Cohere2 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::vector<std::size_t> windows;  // [n_layers], 0: all positions
  Rope rope;
  float logit_scale = 1.0f;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      ops::AttentionSpec spec = attention_spec(c, l);
      spec.window = windows[l];
      const Tensor h = layer_norm(ctx, x, layer.norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      if (windows[l]) {
        ctx.rope(q, rope, c.k_head_dim);
        ctx.rope(k, rope, c.k_head_dim);
      }
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo));
      ctx.add(x, gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.layer_norm(ctx.wanted_rows(x), ends.output_norm, {}, c.norm_eps);
  }

  Tensor logits(Context& ctx, const Tensor& hidden) const override {
    Tensor logits = Decoder::logits(ctx, hidden);
    ctx.scale(logits, logit_scale);
    return logits;
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_cohere2(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  const std::vector<std::size_t> windows = read_windows(reader, c, std::nullopt, 4);
  const float logit_scale = reader.positive("logit_scale");
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Cohere2>(c);
  model->rope = make_rope(rope);
  model->windows = windows;
  model->logit_scale = logit_scale;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.norm = load_norm(w, block_name(l, "attn_norm"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
