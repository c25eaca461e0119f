// GLM-4 0414 (Zhipu 2025): ChatGLM's layer with a second norm after attention and after feed-forward.
#include <algorithm>

#include "models/decoder.h"
#include "models/rope_sections.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;              // [dim, n_heads * head_dim]
  Vector attn_post_norm;  // [dim]
  Vector ffn_norm;        // [dim]
  FusedGatedFfn ffn;
  Vector ffn_post_norm;  // [dim]
};

struct Glm4 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      h = ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo);
      ctx.add(x, ctx.rms_norm(h, layer.attn_post_norm, c.norm_eps));

      h = fused_gated_ffn(ctx, ctx.rms_norm(x, layer.ffn_norm, c.norm_eps), layer.ffn, Activation::kSilu);
      ctx.add(x, ctx.rms_norm(h, layer.ffn_post_norm, c.norm_eps));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_glm4(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  skip_prediction_layers(reader, c);
  require_attention(reader, c);
  const auto sections = read_rope_sections(reader);
  const bool sees = std::ranges::any_of(sections, [](std::size_t n) { return n > 0; });  // GLM-4.1V turns halves
  const ops::RopeOptions rope = read_rope(reader, c, sees ? Rope::Pairs::kHalves : Rope::Pairs::kInterleaved);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Glm4>(c);
  model->rope = make_rope(rope);
  if (sees) keep_text_sections(model->rope, sections, RopeSections::kBlocks);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .attn_post_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_fused_gated_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .ffn_post_norm = w.vector(block_name(l, "post_ffw_norm.weight"), c.dim)});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
