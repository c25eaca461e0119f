// ChatGLM 3, GLM-4 9B and GLM-Edge (arXiv 2406.12793): Llama's layer with fused projections, biases on queries, keys
// and values, and rope on a part of each head.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  FusedGatedFfn ffn;
};

struct ChatGlm final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, fused_gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_chatglm(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<ChatGlm>(c);
  model->rope = make_rope(rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_fused_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
