// ERNIE 4.5 MoE (https://ernie.baidu.com/blog/publication/ERNIE_Technical_Report.pdf): dense first layers, then experts
// chosen by biased softmax scores with renormalised weights, beside shared ones.
#include "models/decoder.h"
#include "models/moe.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;             // [dim, n_heads * head_dim]
  Vector ffn_norm;       // [dim]
  GatedFfn ffn;          // layers without experts
  MoeFfn moe;            // layers with
  SharedExperts shared;  // may be absent
};

struct Ernie45Moe final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const ops::MoeSpec experts{.n_used = c.n_experts_used, .weights = ops::MoeSpec::Weights::kNormalised};
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      if (layer.ffn.down) {
        ctx.add(x, gated_ffn(ctx, h, layer.ffn, Activation::kSilu));
      } else {
        Tensor y = moe_ffn(ctx, h, layer.moe, experts);
        if (layer.shared.ffn.down) ctx.add(y, shared_experts(ctx, h, layer.shared));
        ctx.add(x, y);
      }
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_ernie4_5_moe(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const std::size_t shared_ffn_dim = read_shared_ffn_dim(reader);
  const std::size_t n_dense = reader.integer("leading_dense_block_count", 0, c.n_layers, std::size_t{0});
  const std::size_t step = reader.integer("interleave_moe_layer_step", 1, c.n_layers);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Ernie45Moe>(c);
  model->rope = make_rope(rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer layer{.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                .qkv = load_qkv(w, c, l),
                .wo = load_attention_output(w, c, l),
                .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim)};
    if (l < n_dense || (l + 1) % step != 0) {
      layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
    } else {
      layer.moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]);
      if (shared_ffn_dim > 0) layer.shared = load_shared_experts(w, l, c.dim, shared_ffn_dim);
    }
    model->layers.push_back(std::move(layer));
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
