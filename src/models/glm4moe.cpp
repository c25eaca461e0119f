// GLM-4.5 (arXiv 2508.06471): attention with biases and optional query/key norms, rope on part of a head, dense first
// layers, then experts chosen by biased sigmoid scores beside shared ones.
#include "models/decoder.h"
#include "models/moe.h"
#include "models/rope_sections.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [head_dim] or empty
  Linear wo;              // [dim, n_heads * head_dim]
  Vector ffn_norm;        // [dim]
  GatedFfn ffn;           // the first layers
  MoeFfn moe;             // the others
  SharedExperts shared;   // may be absent
};

struct Glm4Moe final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;
  ops::MoeSpec experts;
  std::size_t n_dense = 0;  // leading layers without experts

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      if (!layer.q_norm.empty()) q = ctx.rms_norm_parts(q, c.k_head_dim, layer.q_norm, c.norm_eps);
      if (!layer.k_norm.empty()) k = ctx.rms_norm_parts(k, c.k_head_dim, layer.k_norm, c.norm_eps);
      ctx.rope(q, rope, c.k_head_dim);
      ctx.rope(k, rope, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      if (l < n_dense) {
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

Result<std::unique_ptr<Model>> load_glm4moe(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const std::size_t n_shared = reader.integer("expert_shared_count", 0, 1024);
  const std::size_t n_dense = reader.integer("leading_dense_block_count", 0, c.n_layers, std::size_t{0});
  const ops::MoeSpec experts = read_moe_spec(reader, c, {.gate = ops::MoeSpec::Gate::kSigmoid});
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const auto sections = read_rope_sections(reader);
  drop_prediction_layers(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Glm4Moe>(c);
  model->rope = make_rope(rope);
  keep_text_sections(model->rope, sections, RopeSections::kBlocks);
  model->experts = experts;
  model->n_dense = n_dense;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer layer{.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                .qkv = load_qkv(w, c, l),
                .q_norm = w.optional_vector(block_name(l, "attn_q_norm.weight"), c.k_head_dim),
                .k_norm = w.optional_vector(block_name(l, "attn_k_norm.weight"), c.k_head_dim),
                .wo = load_attention_output(w, c, l),
                .ffn_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim)};
    if (l < n_dense) {
      layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
    } else {
      layer.moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]);
      if (n_shared > 0) layer.shared = load_shared_experts(w, l, c.dim, expert_ffn_dims[l] * n_shared);
    }
    model->layers.push_back(std::move(layer));
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
