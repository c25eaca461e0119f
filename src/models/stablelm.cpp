// StableLM 3B, 2 1.6B and 2 12B (arXiv 2402.17834): layer norm around Llama's parts, rope on a part of each head. The
// 12B model has norms on the heads of queries and keys, and its feed-forward stands beside attention on one norm.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Norm attn_norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [n_heads][head_dim], [n_kv_heads][head_dim], or empty
  Linear wo;              // [dim, n_heads * head_dim]
  Norm ffn_norm;          // [dim], or empty: parallel
  GatedFfn ffn;
};

struct StableLm final : Decoder {
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
      if (!layer.q_norm.empty()) q = ctx.layer_norm_parts(q, c.k_head_dim, layer.q_norm, {}, c.norm_eps);
      if (!layer.k_norm.empty()) k = ctx.layer_norm_parts(k, c.k_head_dim, layer.k_norm, {}, c.norm_eps);
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      if (!layer.ffn_norm.weight.empty()) h = layer_norm(ctx, x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.layer_norm(ctx.wanted_rows(x), ends.output_norm, ends.output_norm_bias, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_stablelm(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<StableLm>(c);
  model->rope = make_rope(rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back(
        {.attn_norm = load_norm(w, block_name(l, "attn_norm"), c.dim),
         .qkv = load_qkv(w, c, l),
         .q_norm = load_head_norms(w, block_name(l, "attn_q_norm.weight"), c.n_heads[l], c.k_head_dim),
         .k_norm = load_head_norms(w, block_name(l, "attn_k_norm.weight"), c.n_kv_heads[l], c.k_head_dim),
         .wo = load_attention_output(w, c, l),
         .ffn_norm = w.has(block_name(l, "ffn_norm.weight")) ? load_norm(w, block_name(l, "ffn_norm"), c.dim) : Norm{},
         .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
