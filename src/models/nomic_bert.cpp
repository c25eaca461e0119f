// Nomic BERT (arXiv 2402.01613): BERT with rope instead of learned positions, and SwiGLU.
#include "models/encoder.h"

namespace hearth {

namespace {

struct Layer {
  Qkv qkv;
  Linear wo;       // [dim, n_heads * head_dim]
  Norm attn_norm;  // [dim], after attention
  GatedFfn ffn;
  Norm ffn_norm;  // [dim], after the feed-forward part
};

struct NomicBert final : Encoder {
  using Encoder::Encoder;
  Matrix token_embd, token_types;  // [vocab, dim], [n_types, dim] or empty
  Norm embd_norm;                  // [dim]
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(token_embd.view());  // [rows, dim]
    if (token_types) ctx.add(x, ctx.embed_row(token_types.view(), 0));
    x = layer_norm(ctx, x, embd_norm, c.norm_eps);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      auto [q, k, v] = project(ctx, x, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));
      x = layer_norm(ctx, x, layer.attn_norm, c.norm_eps);
      ctx.add(x, gated_ffn(ctx, x, layer.ffn, Activation::kSilu));
      x = layer_norm(ctx, x, layer.ffn_norm, c.norm_eps);
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.wanted_rows(x);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_nomic_bert(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const Pooling pooling = read_pooling(reader);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<NomicBert>(c, pooling);
  model->rope = make_rope(rope);
  model->token_embd = w.matrix("token_embd.weight", c.vocab_size, c.dim);
  model->token_types = load_token_types(context.file, w, c);
  model->embd_norm = load_norm(w, "token_embd_norm", c.dim);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .attn_norm = load_norm(w, block_name(l, "attn_output_norm"), c.dim),
                             .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .ffn_norm = load_norm(w, block_name(l, "layer_output_norm"), c.dim)});
  }
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
