// BERT (arXiv 1810.04805) for embeddings: learned positions, norms after each part, GELU.
#include "models/encoder.h"

namespace hearth {

namespace {

struct Layer {
  Qkv qkv;
  Linear wo;       // [dim, n_heads * head_dim]
  Norm attn_norm;  // [dim], after attention
  PlainFfn ffn;
  Norm ffn_norm;  // [dim], after the feed-forward part
};

struct Bert final : Encoder {
  using Encoder::Encoder;
  Matrix token_embd, token_types, position_embd;  // [vocab, dim], [n_types, dim] or empty, [n_ctx, dim]
  Norm embd_norm;                                 // [dim]
  std::vector<Layer> layers;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(token_embd.view());  // [rows, dim]
    if (token_types) ctx.add(x, ctx.embed_row(token_types.view(), 0));
    ctx.add(x, ctx.embed_positions(position_embd.view()));
    x = layer_norm(ctx, x, embd_norm, c.norm_eps);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const auto [q, k, v] = project(ctx, x, layer.qkv);  // [rows, heads * head_dim]
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));
      x = layer_norm(ctx, x, layer.attn_norm, c.norm_eps);
      ctx.add(x, plain_ffn(ctx, x, layer.ffn, Activation::kGelu));
      x = layer_norm(ctx, x, layer.ffn_norm, c.norm_eps);
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.wanted_rows(x);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_bert(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const Pooling pooling = read_pooling(reader);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Bert>(c, pooling);
  model->token_embd = w.matrix("token_embd.weight", c.vocab_size, c.dim);
  model->token_types = load_token_types(context.file, w, c);
  model->position_embd = w.matrix("position_embd.weight", c.n_ctx_train, c.dim);
  model->embd_norm = load_norm(w, "token_embd_norm", c.dim);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .attn_norm = load_norm(w, block_name(l, "attn_output_norm"), c.dim),
                             .ffn = load_plain_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .ffn_norm = load_norm(w, block_name(l, "layer_output_norm"), c.dim)});
  }
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
