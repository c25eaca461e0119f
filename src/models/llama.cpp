// Llama (1, 2, 3), Mistral, Mixtral and InternLM2: RMS norm, rotary grouped-query attention, SwiGLU or a mixture of
// such experts. Papers: arXiv 2302.13971, 2307.09288, 2407.21783, 2310.06825, 2401.04088, 2403.17297.
#include "models/blocks.h"
#include "models/model.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;        // [dim, n_heads * head_dim]
  Vector ffn_norm;  // [dim]
  GatedFfn ffn;     // dense models
  MoeFfn moe;       // Mixtral
};

class Llama final : public Model {
 public:
  Llama(ModelConfig config, Ends ends, std::vector<Layer> layers, Rope rope)
      : Model(std::move(config)), ends_(std::move(ends)), layers_(std::move(layers)), rope_(std::move(rope)) {}

  [[nodiscard]] std::vector<ops::LayerState> state() const override { return attention_states(config()); }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends_.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const Layer& layer = layers_[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope_, c.k_head_dim);
      ctx.rope(k, rope_, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      if (c.n_experts > 0) {
        ctx.add(
            x, moe_ffn(ctx, h, layer.moe, {.n_used = c.n_experts_used, .weights = ops::MoeSpec::Weights::kNormalised}));
      } else {
        ctx.add(x, gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      }
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends_.output_norm, c.norm_eps);
  }

  Tensor logits(Context& ctx, const Tensor& hidden) const override { return ctx.linear(hidden, ends_.head()); }

 private:
  Ends ends_;
  std::vector<Layer> layers_;
  Rope rope_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_llama(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  HEARTH_CHECK(reader.status());
  WeightLoader& w = context.weights;
  const Vector factors = w.optional_vector("rope_freqs.weight", rope.n_rot / 2);  // Llama 3.1's frequency scaling
  rope.factors = factors;

  std::vector<Layer> layers(c.n_layers);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer& layer = layers[l];
    layer.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim);
    layer.qkv = load_qkv(w, c, l);
    layer.wo = load_attention_output(w, c, l);
    layer.ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim);
    if (c.n_experts > 0) {
      layer.moe = load_moe_ffn(w, l, c, c.ffn_dim[l]);
    } else {
      layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
    }
  }
  Ends ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return std::make_unique<Llama>(std::move(c), std::move(ends), std::move(layers), make_rope(rope));
}

}  // namespace hearth
