// Qwen1.5 MoE and Qwen2 MoE (arXiv 2407.10671): attention with biases, experts with plain softmax weights, and shared
// experts weighed by a sigmoid gate of their own.
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
  SharedExperts shared;
};

struct Qwen2Moe final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const ops::MoeSpec experts{.n_used = c.n_experts_used};
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, ctx.sum(moe_ffn(ctx, h, layer.moe, experts), shared_experts(ctx, h, layer.shared)));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_qwen2moe(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const std::size_t shared_ffn_dim = read_shared_ffn_dim(reader);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Qwen2Moe>(c);
  model->rope = make_rope(rope);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back(
        {.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
         .qkv = load_qkv(w, c, l),
         .wo = load_attention_output(w, c, l),
         .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
         .moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]),
         .shared = load_shared_experts(w, l, c.dim, shared_ffn_dim ? shared_ffn_dim : c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
