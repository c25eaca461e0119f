// StarCoder2 (arXiv 2402.19173): rotary grouped-query attention, layer norm, GELU, biases everywhere.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Norm attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;      // [dim, n_heads * head_dim]
  Norm ffn_norm;  // [dim]
  PlainFfn ffn;
};

struct StarCoder2 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = layer_norm(ctx, x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = layer_norm(ctx, x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, plain_ffn(ctx, h, layer.ffn, Activation::kGelu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.layer_norm(ctx.wanted_rows(x), ends.output_norm, ends.output_norm_bias, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_starcoder2(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<StarCoder2>(c);
  model->rope = make_rope(rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = load_norm(w, block_name(l, "attn_norm"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = load_norm(w, block_name(l, "ffn_norm"), c.dim),
                             .ffn = load_plain_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
