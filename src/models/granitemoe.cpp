// Granite 3 MoE: Llama's layer with experts, and factors on embeddings, residuals, attention scores and logits
// (the scheme of maximal update parametrisation, arXiv 2203.03466). Model: https://huggingface.co/ibm-granite.
#include "models/decoder.h"
#include "models/moe.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  MoeFfn moe;
  SharedExperts shared;  // may be absent
};

struct GraniteMoe final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;
  float embedding_scale = 1, residual_scale = 1, attention_scale = 0 /* 0: 1 / sqrt(head_dim) */, logit_divisor = 1;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const ops::MoeSpec experts{.n_used = c.n_experts_used, .weights = ops::MoeSpec::Weights::kNormalised};
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    ctx.scale(x, embedding_scale);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ops::AttentionSpec spec = attention_spec(c, l);
      if (attention_scale != 0) spec.scale = attention_scale;
      Tensor y = ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo);
      ctx.scale(y, residual_scale);
      ctx.add(x, y);

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      y = moe_ffn(ctx, h, layer.moe, experts);
      if (layer.shared.ffn.down) ctx.add(y, shared_experts(ctx, h, layer.shared));
      ctx.scale(y, residual_scale);
      ctx.add(x, y);
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }

  [[nodiscard]] Tensor logits(Context& ctx, const Tensor& hidden) const override {
    Tensor y = ctx.linear(hidden, ends.head());
    ctx.scale(y, 1.0f / logit_divisor);
    return y;
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_granitemoe(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const std::size_t shared_ffn_dim = read_shared_ffn_dim(reader);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  const auto factor = [&](std::string_view key) {  // an absent factor and 0 both mean none
    const float value = reader.number(key, 0.0f);
    return value == 0 ? 1.0f : value;
  };
  auto model = std::make_unique<GraniteMoe>(c);
  model->rope = make_rope(rope);
  model->embedding_scale = factor("embedding_scale");
  model->residual_scale = factor("residual_scale");
  model->attention_scale = reader.number("attention.scale", 0.0f);
  model->logit_divisor = reader.positive("logit_scale");
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back(
        {.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
         .qkv = load_qkv(w, c, l),
         .wo = load_attention_output(w, c, l),
         .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
         // Converters write the experts' size as feed_forward_length.
         .moe = load_moe_ffn(w, l, c, c.ffn_dim[l]),
         .shared = shared_ffn_dim ? load_shared_experts(w, l, c.dim, shared_ffn_dim) : SharedExperts{}});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
