// Arcee AFM: Llama's layer with a plain feed-forward of squared ReLU.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  PlainFfn ffn;
};

struct Arcee final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  ContextRope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const Rope& turn = rope.at(ctx.n_ctx());
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, plain_ffn(ctx, h, layer.ffn, Activation::kReluSquared));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_arcee(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Arcee>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_plain_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
