// Falcon 7B and 40B (arXiv 2311.16867): attention and feed-forward beside each other; the 40B model gives attention a
// norm of its own.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Norm attn_norm;    // [dim], of attention and feed-forward
  Norm attn_norm_2;  // [dim], or empty; of attention
  Qkv qkv;
  Linear wo;  // [dim, n_heads * head_dim]
  PlainFfn ffn;
};

struct Falcon final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Tensor h = layer_norm(ctx, x, layer.attn_norm, c.norm_eps);
      const bool own_norm = !layer.attn_norm_2.weight.empty();
      auto [q, k, v] = project(ctx, own_norm ? layer_norm(ctx, x, layer.attn_norm_2, c.norm_eps) : h, layer.qkv);
      ctx.rope(q, rope, c.k_head_dim);  // [rows, heads * head_dim]
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));
      ctx.add(x, plain_ffn(ctx, h, layer.ffn, Activation::kGelu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.layer_norm(ctx.wanted_rows(x), ends.output_norm, ends.output_norm_bias, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_falcon(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Falcon>(c);
  model->rope = make_rope(rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = load_norm(w, block_name(l, "attn_norm"), c.dim),
                             .attn_norm_2 = w.has(block_name(l, "attn_norm_2.weight"))
                                                ? load_norm(w, block_name(l, "attn_norm_2"), c.dim)
                                                : Norm{},
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn = load_plain_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
