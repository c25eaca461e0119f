// DeepSeek-V2, V3, R1 and kin (arXiv 2405.04434, 2412.19437): multi-head latent attention, dense first layers, then
// experts beside shared ones.
#include <cmath>

#include "kernels/rope_math.h"
#include "models/decoder.h"
#include "models/moe.h"

namespace hearth {

namespace {

/// Keys and values of all heads come from one latent vector per position and one rotary key that all heads share.
struct LatentDims {
  std::size_t q_rank = 0;         // 0: queries come straight from x
  std::size_t kv_rank = 0;        // of the latent
  std::size_t nope = 0, rot = 0;  // of a head's query: from the latent, rotary
  std::size_t v_dim = 0;          // of a head's value
  [[nodiscard]] std::size_t q_dim() const { return nope + rot; }
};

struct Layer {
  Vector attn_norm;  // [dim]
  Linear wq_a;       // [q_rank, dim]
  Vector q_a_norm;   // [q_rank]
  Linear wq_b;       // [n_heads * q_dim, q_rank], or [n_heads * q_dim, dim] where q_rank is 0
  Linear wkv_a;      // [kv_rank + rot, dim]
  Vector kv_a_norm;  // [kv_rank]
  Experts wk_b;      // absorbed form: per head [kv_rank, nope] and
  Experts wv_b;      //                per head [v_dim, kv_rank]
  Linear wkv_b;      // plain form: [n_heads * (nope + v_dim), kv_rank]
  Linear wo;         // [dim, n_heads * v_dim]
  Vector ffn_norm;   // [dim]
  GatedFfn ffn;      // the first layers
  MoeFfn moe;        // the others
  SharedExperts shared;
};

struct DeepSeek2 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  LatentDims dims;
  bool absorbed = false;  // attention over the latents themselves
  Rope rope;
  float attention_scale = 1;
  float temperature_scale = 0;        // Mistral Large 3: queries grow with their position; 0: they do not
  std::size_t temperature_steps = 1;  // positions from one temperature to the next
  ops::MoeSpec experts;
  std::size_t n_dense = 0;  // leading layers without experts

  [[nodiscard]] std::vector<ops::LayerState> state() const override {
    std::vector<ops::LayerState> states;
    for (const std::size_t n_heads : config().n_heads) {
      states.push_back(absorbed ? ops::LayerState{1, dims.kv_rank + dims.rot, dims.kv_rank, 0}
                                : ops::LayerState{n_heads, dims.q_dim(), dims.v_dim, 0});
    }
    return states;
  }

  [[nodiscard]] float temperature(std::size_t position) const {
    const double step = static_cast<double>(position / temperature_steps);
    return static_cast<float>(kernels::recipe_log64(step + 1.0) * temperature_scale + 1.0);
  }

  Tensor attention(Context& ctx, std::size_t l, const Tensor& h) const {
    const Layer& layer = layers[l];
    const ModelConfig& c = config();
    Tensor q_latent = h;  // [rows, q_rank]
    if (dims.q_rank > 0) q_latent = ctx.rms_norm(ctx.linear(h, layer.wq_a), layer.q_a_norm, c.norm_eps);
    Tensor q = ctx.linear(q_latent, layer.wq_b);        // [rows, n_heads * (nope + rot)]
    const Tensor latents = ctx.linear(h, layer.wkv_a);  // [rows, kv_rank + rot]
    const Tensor kv = ctx.rms_norm(ctx.columns(latents, 0, dims.kv_rank), layer.kv_a_norm, c.norm_eps);
    Tensor k_rot = ctx.columns(latents, dims.kv_rank, dims.rot);
    ctx.rope(q, rope, dims.q_dim(), dims.nope);
    ctx.rope(k_rot, rope, dims.rot);
    if (temperature_scale != 0) ctx.scale_rows(q, [&](std::size_t position) { return temperature(position); });
    ops::AttentionSpec spec{.n_heads = c.n_heads[l], .scale = attention_scale};
    if (absorbed) {
      // q . (wk_b latent) = (wk_b^T q) . latent, so one latent serves as the key of all heads, and as their value.
      const Tensor q_nope = ctx.part_columns(q, dims.q_dim(), 0, dims.nope);
      const Tensor q_rot = ctx.part_columns(q, dims.q_dim(), dims.nope, dims.rot);
      q = ctx.join_parts(ctx.linear_parts(q_nope, layer.wk_b), dims.kv_rank, q_rot, dims.rot);
      const Tensor k = ctx.join_parts(kv, dims.kv_rank, k_rot, dims.rot);  // [rows, kv_rank + rot]
      spec.n_kv_heads = 1;
      spec.k_dim = dims.kv_rank + dims.rot;
      spec.v_dim = dims.kv_rank;
      return ctx.linear_parts(ctx.attention(l, q, k, kv, spec), layer.wv_b);  // [rows, n_heads * v_dim]
    }
    const Tensor k_and_v = ctx.linear(kv, layer.wkv_b);  // [rows, n_heads * (nope + v_dim)]
    const Tensor k_nope = ctx.part_columns(k_and_v, dims.nope + dims.v_dim, 0, dims.nope);
    const Tensor v = ctx.part_columns(k_and_v, dims.nope + dims.v_dim, dims.nope, dims.v_dim);
    spec.n_kv_heads = spec.n_heads;
    spec.k_dim = dims.q_dim();
    spec.v_dim = dims.v_dim;
    return ctx.attention(l, q, ctx.join_parts(k_nope, dims.nope, k_rot, dims.rot), v, spec);
  }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      ctx.add(x, ctx.linear(attention(ctx, l, h), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, l < n_dense ? gated_ffn(ctx, h, layer.ffn, Activation::kSilu)
                             : ctx.sum(moe_ffn(ctx, h, layer.moe, experts), shared_experts(ctx, h, layer.shared)));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

LatentDims read_latent_dims(ConfigReader& reader, const ModelConfig& c, bool absorbed) {
  constexpr std::size_t kMaxRank = 1u << 16;
  LatentDims d;
  d.q_rank = reader.integer("attention.q_lora_rank", 0, kMaxRank, std::size_t{0});
  d.kv_rank = reader.integer("attention.kv_lora_rank", 1, kMaxRank);
  const std::size_t q_dim = absorbed ? reader.integer("attention.key_length_mla", 2, kMaxRank) : c.k_head_dim;
  d.v_dim = absorbed ? reader.integer("attention.value_length_mla", 1, kMaxRank) : c.v_head_dim;
  d.rot = reader.integer("rope.dimension_count", 1, std::max<std::size_t>(q_dim, 2) - 1);
  if (d.rot >= q_dim) {
    reader.fail_with(
        {ErrorCode::kCorruptedModel, "deepseek2 turns a part of each query only; its key length is too small"});
  }
  d.nope = std::max(q_dim, d.rot) - d.rot;
  return d;
}

/// Yarn as DeepSeek trained it: cosine and sine stay as they are, the factor goes to the scores, squared.
void set_attention_scale(ConfigReader& reader, const ops::RopeOptions& options, DeepSeek2& model) {
  float factor = options.magnitude;
  if (options.yarn.n_ctx_original > 0 && options.yarn.extrapolation != 0) {
    const auto log_factor = static_cast<float>(kernels::recipe_log64(std::max(1.0, options.yarn.factor)));
    const float multiplier = reader.number("rope.scaling.yarn_log_multiplier", 0.0f);  // 0.1 * mscale_all_dim
    if (multiplier != 0) {
      model.rope.magnitude = options.magnitude;
      factor *= 1.0f + multiplier * log_factor;
    } else {
      factor *= 1.0f + 0.1f * log_factor;
    }
  }
  model.attention_scale = factor * factor / std::sqrt(static_cast<float>(model.dims.q_dim()));
}

Layer load_layer(WeightLoader& w, const DeepSeek2& model, std::size_t l) {
  const ModelConfig& c = model.config();
  const LatentDims& d = model.dims;
  const std::size_t n_heads = c.n_heads[l];
  Layer layer{.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim)};
  if (d.q_rank > 0) {
    layer.wq_a = w.linear(block_name(l, "attn_q_a"), d.q_rank, c.dim);
    layer.q_a_norm = w.vector(block_name(l, "attn_q_a_norm.weight"), d.q_rank);
    layer.wq_b = w.linear(block_name(l, "attn_q_b"), n_heads * d.q_dim(), d.q_rank);
  } else {
    layer.wq_b = w.linear(block_name(l, "attn_q"), n_heads * d.q_dim(), c.dim);
  }
  layer.wkv_a = w.linear(block_name(l, "attn_kv_a_mqa"), d.kv_rank + d.rot, c.dim);
  layer.kv_a_norm = w.vector(block_name(l, "attn_kv_a_norm.weight"), d.kv_rank);
  if (model.absorbed) {
    layer.wk_b = w.experts(block_name(l, "attn_k_b"), n_heads, d.kv_rank, d.nope);
    layer.wv_b = w.experts(block_name(l, "attn_v_b"), n_heads, d.v_dim, d.kv_rank);
  } else {
    layer.wkv_b = w.linear(block_name(l, "attn_kv_b"), n_heads * (d.nope + d.v_dim), d.kv_rank);
  }
  layer.wo = w.linear(block_name(l, "attn_output"), c.dim, n_heads * d.v_dim);
  layer.ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim);
  return layer;
}

}  // namespace

Result<std::unique_ptr<Model>> load_deepseek2(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  require_experts(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const std::size_t n_shared = reader.integer("expert_shared_count", 1, 1024);
  const std::size_t n_dense = reader.integer("leading_dense_block_count", 0, c.n_layers, std::size_t{0});
  const ops::MoeSpec experts = read_moe_spec(reader, c, {});
  drop_prediction_layers(reader, c);
  HEARTH_CHECK(reader.status());

  auto model = std::make_unique<DeepSeek2>(c);
  model->absorbed = reader.has("attention.key_length_mla") && reader.has("attention.value_length_mla");
  model->dims = read_latent_dims(reader, c, model->absorbed);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kInterleaved);
  rope.n_rot = model->dims.rot / 2 * 2;
  HEARTH_CHECK(reader.status());
  model->rope = make_rope(rope);
  set_attention_scale(reader, rope, *model);
  model->experts = experts;
  model->n_dense = n_dense;
  model->temperature_scale = reader.number("attention.temperature_scale", 0.0f);
  if (model->temperature_scale != 0)
    model->temperature_steps = reader.integer("attention.temperature_length", 1, 1u << 28);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer layer = load_layer(w, *model, l);
    if (l < n_dense) {
      layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
    } else {
      layer.moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]);
      layer.shared = load_shared_experts(w, l, c.dim, expert_ffn_dims[l] * n_shared);
    }
    model->layers.push_back(std::move(layer));
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
