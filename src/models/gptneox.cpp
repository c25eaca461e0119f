// GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373): layer norm, rope on a part of each head, GELU; attention and
// feed-forward one after the other or beside each other, each on its own norm.
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

struct GptNeoX final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;
  bool parallel = true;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      auto [q, k, v] = project(ctx, layer_norm(ctx, x, layer.attn_norm, c.norm_eps), layer.qkv);
      ctx.rope(q, rope, c.k_head_dim);  // [rows, heads * head_dim]
      ctx.rope(k, rope, c.k_head_dim);
      const Tensor attended = ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo);
      Tensor h = parallel ? x : ctx.sum(x, attended);
      h = layer_norm(ctx, h, layer.ffn_norm, c.norm_eps);
      ctx.add(x, attended);
      ctx.add(x, plain_ffn(ctx, h, layer.ffn, Activation::kGelu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.layer_norm(ctx.wanted_rows(x), ends.output_norm, ends.output_norm_bias, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_gptneox(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const bool parallel = reader.flag("use_parallel_residual", true);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<GptNeoX>(c);
  model->rope = make_rope(rope);
  model->parallel = parallel;
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
