// Granite 3 (IBM 2024) and MiniCPM (arXiv 2404.06395): Llama's layer with factors on the embedding, on what each half
// of a layer adds, on the scores and on the logits.
#include <cmath>

#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  GatedFfn ffn;
};

struct Scales {
  float embedding = 1.0f, residual = 1.0f, logits = 1.0f;
  float attention = 0.0f;  // 0: 1 / sqrt(head_dim)
};

struct Granite final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  ContextRope rope;
  bool turns = true;
  Scales scales;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const Rope& turn = rope.at(ctx.n_ctx());
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    ctx.scale(x, scales.embedding);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      ops::AttentionSpec spec = attention_spec(c, l);
      if (scales.attention != 0) spec.scale = scales.attention;
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      if (turns) {
        ctx.rope(q, turn, c.k_head_dim);
        ctx.rope(k, turn, c.k_head_dim);
      }
      h = ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo);
      ctx.scale(h, scales.residual);
      ctx.add(x, h);

      h = gated_ffn(ctx, ctx.rms_norm(x, layer.ffn_norm, c.norm_eps), layer.ffn, Activation::kSilu);
      ctx.scale(h, scales.residual);
      ctx.add(x, h);
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }

  Tensor logits(Context& ctx, const Tensor& hidden) const override {
    Tensor logits = Decoder::logits(ctx, hidden);
    ctx.scale(logits, scales.logits);
    return logits;
  }
};

Result<std::unique_ptr<Model>> load(LoadContext& context, ConfigReader& reader, const ModelConfig& c,
                                    const Scales& scales, bool turns) {
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Granite>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  model->turns = turns;
  model->scales = scales;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

/// A factor that the file may give; 0 means none.
float factor(ConfigReader& reader, std::string_view key, float fallback) {
  const float value = reader.number(key, fallback);
  return value == 0 ? 1.0f : value;
}

}  // namespace

Result<std::unique_ptr<Model>> load_granite(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const Scales scales{.embedding = factor(reader, "embedding_scale", 1.0f),
                      .residual = factor(reader, "residual_scale", 1.0f),
                      .logits = 1.0f / reader.positive("logit_scale"),
                      .attention = reader.number("attention.scale", 0.0f)};
  const bool turns = reader.flag("rope.scaling.finetuned", true);  // Granite's files say "no rope" by this key
  return load(context, reader, c, scales, turns);
}

Result<std::unique_ptr<Model>> load_minicpm(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  // Files from before these keys rely on the 2B model's values: scale_emb 12, scale_depth 1.4, dim_model_base 256.
  const float depth = 1.4f / std::sqrt(static_cast<float>(c.n_layers));
  const Scales scales{.embedding = factor(reader, "embedding_scale", 12.0f),
                      .residual = factor(reader, "residual_scale", depth),
                      .logits = 1.0f / reader.positive("logit_scale", static_cast<float>(c.dim) / 256.0f)};
  return load(context, reader, c, scales, true);
}

}  // namespace hearth
