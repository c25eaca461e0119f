// gpt-oss (arXiv 2508.10925): attention sinks, a window on every other layer, experts with biases and a clamped gate,
// yarn.
#include "models/decoder.h"
#include "models/moe.h"

namespace hearth {

namespace {

constexpr float kClampAlpha = 1.702f, kClampLimit = 7.0f;

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Vector sinks;     // [n_heads]
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  MoeFfn moe;
  std::size_t window = 0;  // 0: sees everything
};

struct GptOss final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope, window_rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const ops::MoeSpec experts{.n_used = c.n_experts_used,
                               .gate = ops::MoeSpec::Gate::kSoftmaxOfChosen,
                               .clamp_alpha = kClampAlpha,
                               .clamp_limit = kClampLimit};
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Rope& turn = layer.window ? window_rope : rope;
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
      ops::AttentionSpec spec = attention_spec(c, l);
      spec.window = layer.window;
      spec.sinks = layer.sinks;
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, moe_ffn(ctx, h, layer.moe, experts));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_gpt_oss(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const auto windows = read_windows(reader, c, reader.integer("attention.sliding_window", 1, 1u << 28), 2);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  ops::RopeOptions window_rope = rope;
  window_rope.base = reader.positive("rope.freq_base_swa", static_cast<float>(rope.base));
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<GptOss>(c);
  model->rope = make_rope(rope);
  model->window_rope = make_rope(window_rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .sinks = w.vector(block_name(l, "attn_sinks.weight"), c.n_heads[l]),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim),
                             .moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]),
                             .window = windows[l]});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
