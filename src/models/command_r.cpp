// Command R and R+ (Cohere 2024): attention and feed-forward beside each other on one layer norm without bias; the
// larger model has norms on the heads of queries and keys.
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Norm norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [n_heads][head_dim], [n_kv_heads][head_dim], or empty
  Linear wo;              // [dim, n_heads * head_dim]
  GatedFfn ffn;
};

struct CommandR final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;
  float logit_scale = 1.0f;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Tensor h = layer_norm(ctx, x, layer.norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      if (!layer.q_norm.empty()) q = ctx.layer_norm_parts(q, c.k_head_dim, layer.q_norm, {}, c.norm_eps);
      if (!layer.k_norm.empty()) k = ctx.layer_norm_parts(k, c.k_head_dim, layer.k_norm, {}, c.norm_eps);
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));
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

Result<std::unique_ptr<Model>> load_command_r(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  const float logit_scale = reader.positive("logit_scale", 1.0f);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<CommandR>(c);
  model->rope = make_rope(rope);
  model->logit_scale = logit_scale;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back(
        {.norm = load_norm(w, block_name(l, "attn_norm"), c.dim),
         .qkv = load_qkv(w, c, l),
         .q_norm = load_head_norms(w, block_name(l, "attn_q_norm.weight"), c.n_heads[l], c.k_head_dim),
         .k_norm = load_head_norms(w, block_name(l, "attn_k_norm.weight"), c.n_kv_heads[l], c.k_head_dim),
         .wo = load_attention_output(w, c, l),
         .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
