// Hunyuan dense models (Tencent 2025): an RMS norm on every head of queries and keys after rope.
#include "kernels/rope_math.h"
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
  Vector ffn_norm;        // [dim]
  GatedFfn ffn;
};

struct HunyuanDense final : Decoder {
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
      q = ctx.rms_norm_parts(q, c.k_head_dim, layer.q_norm, c.norm_eps);
      k = ctx.rms_norm_parts(k, c.k_head_dim, layer.k_norm, c.norm_eps);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_hunyuan_dense(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  // NTK-aware scaling: base * alpha^(d / (d - 2)).
  const double alpha = reader.number("rope.scaling.alpha", 0.0f), d = static_cast<double>(c.k_head_dim);
  if (alpha > 0 && d > 2) rope.base *= kernels::recipe_pow(alpha, d / (d - 2.0));
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<HunyuanDense>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.k_head_dim),
                             .k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.k_head_dim),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
