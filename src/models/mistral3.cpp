// Ministral 3 (Mistral 2025): Llama's layer with yarn, and queries that grow with the logarithm of their position;
// dense or with experts.
#include <cmath>

#include "kernels/rope_math.h"
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  GatedFfn ffn;
  MoeFfn moe;
};

struct Mistral3 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  ContextRope rope;
  float temperature_scale = 0.0f;     // 0: none
  std::size_t n_ctx_temperature = 1;  // positions between two steps of the temperature

  /// 1 + scale * ln(1 + floor(position / n))
  [[nodiscard]] float temperature(std::size_t position) const {
    const double steps = 1.0 + static_cast<double>(position / n_ctx_temperature);
    return static_cast<float>(1.0 + kernels::recipe_log64(steps) * temperature_scale);
  }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    ops::MoeSpec moe;
    moe.n_used = c.n_experts_used;
    moe.weights = ops::MoeSpec::Weights::kNormalised;
    const Rope& turn = rope.at(ctx.n_ctx());
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
      if (temperature_scale != 0) ctx.scale_rows(q, [this](std::size_t position) { return temperature(position); });
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, c.n_experts ? moe_ffn(ctx, h, layer.moe, moe) : gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_mistral3(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  const float temperature_scale = reader.number("attention.temperature_scale", 0.0f);
  const double log_multiplier = reader.number("rope.scaling.yarn_log_multiplier", 0.0f);
  if (log_multiplier > 0 && rope.yarn.factor > 1)
    rope.yarn.attention = 1.0 / (1.0 + 0.1 * log_multiplier * kernels::recipe_log64(rope.yarn.factor));
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Mistral3>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  model->temperature_scale = temperature_scale;
  model->n_ctx_temperature = n_ctx_original;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = c.n_experts ? GatedFfn{} : load_gated_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .moe = c.n_experts ? load_moe_ffn(w, l, c, c.ffn_dim[l]) : MoeFfn{}});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
