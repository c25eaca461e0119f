// MiniMax-M2 (https://huggingface.co/MiniMaxAI/MiniMax-M2): queries and keys normalised over the whole projection, rope
// on part of a head, experts chosen by biased sigmoid scores.
#include "models/decoder.h"
#include "models/moe.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [n_heads * head_dim], [n_kv_heads * head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
  Vector ffn_norm;        // [dim]
  MoeFfn moe;
};

struct MiniMaxM2 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;
  ops::MoeSpec experts;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      q = ctx.rms_norm(q, layer.q_norm, c.norm_eps);
      k = ctx.rms_norm(k, layer.k_norm, c.norm_eps);
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, moe_ffn(ctx, h, layer.moe, experts));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_minimax_m2(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const ops::MoeSpec experts =
      read_moe_spec(reader, c, {.gate = ops::MoeSpec::Gate::kSigmoid, .weights = ops::MoeSpec::Weights::kNormalised});
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<MiniMaxM2>(c);
  model->rope = make_rope(rope);
  model->experts = experts;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.n_heads[l] * c.k_head_dim),
                             .k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.n_kv_heads[l] * c.k_head_dim),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             // Converters write the experts' size as feed_forward_length.
                             .moe = load_moe_ffn(w, l, c, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
