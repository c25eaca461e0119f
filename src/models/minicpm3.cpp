// MiniCPM3 (arXiv 2404.06395): multi-head latent attention with keys and values expanded for every head, longrope, and
// fixed factors on embeddings, residuals and the output.
#include <cmath>

#include "models/decoder.h"

namespace hearth {

namespace {

// The file carries none of these: the converter counts on every model of this architecture having them.
constexpr float kEmbeddingScale = 12.0f, kDepthScale = 1.4f, kBaseDim = 256.0f;

struct Layer {
  Vector attn_norm;  // [dim]
  Linear wq_a;       // [q_rank, dim]
  Vector q_a_norm;   // [q_rank]
  Linear wq_b;       // [n_heads * (nope + rot), q_rank]
  Linear wkv_a;      // [kv_rank + rot, dim]
  Vector kv_a_norm;  // [kv_rank]
  Linear wkv_b;      // [n_heads * (nope + v_dim), kv_rank]
  Linear wo;         // [dim, n_heads * v_dim]
  Vector ffn_norm;   // [dim]
  GatedFfn ffn;
};

struct MiniCpm3 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  ContextRope rope;
  std::size_t kv_rank = 0, nope = 0, rot = 0;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const Rope& turn = rope.at(ctx.n_ctx());
    const float residual_scale = kDepthScale / std::sqrt(static_cast<float>(c.n_layers));
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    ctx.scale(x, kEmbeddingScale);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      const auto [q_latent, latents] =
          ctx.linear_all(h, layer.wq_a, layer.wkv_a);  // [rows, q_rank], [.., kv_rank + rot]
      Tensor q = ctx.linear(ctx.rms_norm(q_latent, layer.q_a_norm, c.norm_eps), layer.wq_b);
      const Tensor kv = ctx.linear(ctx.rms_norm(ctx.columns(latents, 0, kv_rank), layer.kv_a_norm, c.norm_eps),
                                   layer.wkv_b);  // [rows, n_heads * (nope + v_dim)]
      Tensor k_rot = ctx.columns(latents, kv_rank, rot);
      ctx.rope(q, turn, c.k_head_dim, nope);
      ctx.rope(k_rot, turn, rot);
      const std::size_t part = nope + c.v_head_dim;
      const Tensor k = ctx.join_parts(ctx.part_columns(kv, part, 0, nope), nope, k_rot, rot);
      const Tensor v = ctx.part_columns(kv, part, nope, c.v_head_dim);
      Tensor y = ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo);
      ctx.scale(y, residual_scale);
      ctx.add(x, y);

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      y = gated_ffn(ctx, h, layer.ffn, Activation::kSilu);
      ctx.scale(y, residual_scale);
      ctx.add(x, y);
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }

  [[nodiscard]] Tensor logits(Context& ctx, const Tensor& hidden) const override {
    Tensor scaled = hidden;
    ctx.scale(scaled, kBaseDim / static_cast<float>(config().dim));
    return ctx.linear(scaled, ends.head());
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_minicpm3(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    if (c.n_kv_heads[l] != c.n_heads[l])
      reader.fail_with({ErrorCode::kCorruptedModel, "minicpm3 has a key and a value for every head"});
  }
  const std::size_t q_rank = reader.integer("attention.q_lora_rank", 1, 1u << 16);
  const std::size_t kv_rank = reader.integer("attention.kv_lora_rank", 1, 1u << 16);
  const std::size_t rot = reader.integer("rope.dimension_count", 1, std::max<std::size_t>(c.k_head_dim, 2) - 1);
  if (rot >= c.k_head_dim)
    reader.fail_with({ErrorCode::kCorruptedModel, "minicpm3 turns a part of each head only; key_length is too small"});
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<MiniCpm3>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  model->kv_rank = kv_rank;
  model->nope = c.k_head_dim - rot;
  model->rot = rot;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    const std::size_t n_heads = c.n_heads[l];
    model->layers.push_back(
        {.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
         .wq_a = w.linear(block_name(l, "attn_q_a"), q_rank, c.dim),
         .q_a_norm = w.vector(block_name(l, "attn_q_a_norm.weight"), q_rank),
         .wq_b = w.linear(block_name(l, "attn_q_b"), n_heads * c.k_head_dim, q_rank),
         .wkv_a = w.linear(block_name(l, "attn_kv_a_mqa"), kv_rank + rot, c.dim),
         .kv_a_norm = w.vector(block_name(l, "attn_kv_a_norm.weight"), kv_rank),
         .wkv_b = w.linear(block_name(l, "attn_kv_b"), n_heads * (model->nope + c.v_head_dim), kv_rank),
         .wo = w.linear(block_name(l, "attn_output"), c.dim, n_heads * c.v_head_dim),
         .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
         .ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
