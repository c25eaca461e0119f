// Gemma 4 (https://ai.google.dev/gemma/docs/core): windowed and full layers with heads of different sizes, keys and
// values of the last layers shared with an earlier one, an embedding of every token for each layer, optional experts.
#include <cmath>

#include "models/decoder.h"
#include "models/moe.h"

#include <fmt/format.h>

namespace hearth {

namespace {

/// Experts beside the ordinary feed-forward part; their router sees the residual stream through a norm of its own.
struct ExpertBranch {
  MoeFfn moe;                                 // none where there is no router
  Vector router_scale;                        // [dim]
  Vector pre_norm, post_norm, ffn_post_norm;  // [dim] each: around the experts, after the ordinary part
};

struct Layer {
  std::size_t head_dim = 0;
  std::size_t window = 0;          // 0: sees everything
  std::size_t kv_layer = 0;        // whose keys and values it reads: its own, or an earlier layer's
  Vector attn_norm;                // [dim]
  Linear wq;                       // [n_heads * head_dim, dim]
  Linear wk, wv;                   // [n_kv_heads * head_dim, dim]; none where shared; no wv: the values are the keys
  Vector q_norm, k_norm;           // [head_dim]
  Linear wo;                       // [dim, n_heads * head_dim]
  Vector attn_post_norm;           // [dim]
  Vector ffn_norm, ffn_post_norm;  // [dim]
  GatedFfn ffn;
  ExpertBranch experts;
  Linear input_gate, input_proj;  // [per_layer_dim, dim], [dim, per_layer_dim]
  Vector input_post_norm;         // [dim]
  Vector output_scale;            // [1] or empty
};

struct Gemma4 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope, window_rope;
  std::size_t per_layer_dim = 0;  // 0: no embeddings for each layer
  Matrix per_layer_embd;          // [vocab, n_layers * per_layer_dim]
  Linear per_layer_proj;          // [n_layers * per_layer_dim, dim]
  Vector per_layer_norm;          // [per_layer_dim]
  float logit_cap = 0;            // 0: none

  [[nodiscard]] std::vector<ops::LayerState> state() const override {
    std::vector<ops::LayerState> states;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      states.push_back(layer.kv_layer == l ? ops::LayerState{config().n_kv_heads[l], layer.head_dim, layer.head_dim, 0}
                                           : ops::LayerState{});
    }
    return states;
  }

  /// What each layer adds of the tokens themselves: [rows, n_layers * per_layer_dim].
  Tensor layer_inputs(Context& ctx, const Tensor& x) const {
    Tensor from_table = ctx.has_tokens() ? ctx.embed(per_layer_embd.view()) : ctx.embed_row(per_layer_embd.view(), 0);
    ctx.scale(from_table, std::sqrt(static_cast<float>(per_layer_dim)));
    Tensor from_x = ctx.linear(x, per_layer_proj);
    ctx.scale(from_x, 1.0f / std::sqrt(static_cast<float>(config().dim)));
    from_x = ctx.rms_norm_parts(from_x, per_layer_dim, per_layer_norm, config().norm_eps);
    ctx.add(from_x, from_table);
    ctx.scale(from_x, 1.0f / std::sqrt(2.0f));
    return from_x;
  }

  Tensor attention(Context& ctx, std::size_t l, const Tensor& h) const {
    const Layer& layer = layers[l];
    const float eps = config().norm_eps;
    const Rope& turn = layer.window ? window_rope : rope;
    const ops::AttentionSpec spec{.n_heads = config().n_heads[l],
                                  .n_kv_heads = config().n_kv_heads[l],
                                  .k_dim = layer.head_dim,
                                  .v_dim = layer.head_dim,
                                  .window = layer.window};
    Tensor q = ctx.rms_norm_parts(ctx.linear(h, layer.wq), layer.head_dim, layer.q_norm, eps);
    ctx.rope(q, turn, layer.head_dim);
    if (layer.kv_layer != l) return ctx.attention(layer.kv_layer, q, {}, {}, spec);
    Tensor k = ctx.linear(h, layer.wk);
    const Tensor v = ctx.rms_norm_parts(layer.wv ? ctx.linear(h, layer.wv) : k, layer.head_dim, {}, eps);
    k = ctx.rms_norm_parts(k, layer.head_dim, layer.k_norm, eps);
    ctx.rope(k, turn, layer.head_dim);
    return ctx.attention(l, q, k, v, spec);
  }

  Tensor feed_forward(Context& ctx, const Tensor& x, const Layer& layer) const {
    const ModelConfig& c = config();
    const Tensor y = gated_ffn(ctx, ctx.rms_norm(x, layer.ffn_norm, c.norm_eps), layer.ffn, Activation::kGelu);
    const ExpertBranch& b = layer.experts;
    if (!b.moe.router) return y;
    Tensor r = ctx.rms_norm(x, {}, c.norm_eps);
    ctx.scale(r, 1.0f / std::sqrt(static_cast<float>(c.dim)));
    ctx.scale_columns(r, b.router_scale);
    const Tensor routed = ctx.moe(
        ctx.rms_norm(x, b.pre_norm, c.norm_eps), ctx.linear(r, b.moe.router), b.moe.experts(),
        {.n_used = c.n_experts_used, .weights = ops::MoeSpec::Weights::kNormalised, .activation = Activation::kGelu});
    return ctx.sum(ctx.rms_norm(y, b.ffn_post_norm, c.norm_eps), ctx.rms_norm(routed, b.post_norm, c.norm_eps));
  }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    if (ctx.has_tokens()) ctx.scale(x, std::sqrt(static_cast<float>(c.dim)));
    const Tensor inputs = per_layer_dim ? layer_inputs(ctx, x) : Tensor{};
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      ctx.add(x, ctx.rms_norm(ctx.linear(attention(ctx, l, h), layer.wo), layer.attn_post_norm, c.norm_eps));
      ctx.add(x, ctx.rms_norm(feed_forward(ctx, x, layer), layer.ffn_post_norm, c.norm_eps));
      if (per_layer_dim) {
        const Tensor input = ctx.columns(inputs, l * per_layer_dim, per_layer_dim);  // [rows, per_layer_dim]
        const Tensor y = ctx.gated(Activation::kGelu, ctx.linear(x, layer.input_gate), input);
        ctx.add(x, ctx.rms_norm(ctx.linear(y, layer.input_proj), layer.input_post_norm, c.norm_eps));
      }
      if (!layer.output_scale.empty()) ctx.scale(x, layer.output_scale[0]);
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }

  [[nodiscard]] Tensor logits(Context& ctx, const Tensor& hidden) const override {
    Tensor y = ctx.linear(hidden, ends.head());
    if (logit_cap != 0) ctx.soft_cap(y, logit_cap);
    return y;
  }
};

/// Head sizes, windows and the layers whose keys and values are read, checked against each other.
std::vector<Layer> plan_layers(ConfigReader& reader, const ModelConfig& c) {
  constexpr std::size_t kMaxHeadDim = 1u << 20;
  std::vector<Layer> layers(c.n_layers);
  const std::size_t window = reader.integer("attention.sliding_window", 1, 1u << 28);
  const std::size_t window_head_dim = reader.integer("attention.key_length_swa", 1, kMaxHeadDim);
  const std::size_t window_v_dim = reader.integer("attention.value_length_swa", 1, kMaxHeadDim);
  const std::size_t n_shared = reader.integer("attention.shared_kv_layers", 0, c.n_layers, std::size_t{0});
  if (!reader.has("attention.sliding_window_pattern") || c.k_head_dim != c.v_head_dim ||
      window_head_dim != window_v_dim || (n_shared > 0 && c.n_layers - n_shared < 2)) {
    reader.fail_with({ErrorCode::kCorruptedModel,
                      "gemma4 needs attention.sliding_window_pattern, keys and values of one size, and at least two "
                      "layers with keys and values of their own"});
    return layers;
  }
  const std::vector<std::size_t> windows = read_windows(reader, c, window, 0);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer& layer = layers[l];
    layer.window = windows[l];
    layer.head_dim = layer.window ? window_head_dim : c.k_head_dim;
    const std::size_t n_own = c.n_layers - n_shared;  // sharers read the last two: one windowed, one full
    layer.kv_layer = l < n_own ? l : n_own - (layer.window ? 2 : 1);
    if (windows[layer.kv_layer] != layer.window || c.n_kv_heads[layer.kv_layer] != c.n_kv_heads[l]) {
      reader.fail_with({ErrorCode::kUnsupportedModel,
                        fmt::format("layer {} shares keys and values with layer {}, which has another window or other "
                                    "heads",
                                    l, layer.kv_layer)});
    }
  }
  return layers;
}

void load_layer(WeightLoader& w, const ModelConfig& c, std::size_t l, std::size_t expert_ffn_dim,
                std::size_t per_layer_dim, Layer& layer) {
  const auto norm = [&](std::string_view name) { return w.vector(block_name(l, name), c.dim); };
  const std::size_t n_q = c.n_heads[l] * layer.head_dim, n_kv = c.n_kv_heads[l] * layer.head_dim;
  layer.attn_norm = norm("attn_norm.weight");
  layer.wq = w.linear(block_name(l, "attn_q"), n_q, c.dim);
  layer.q_norm = w.vector(block_name(l, "attn_q_norm.weight"), layer.head_dim);
  if (layer.kv_layer == l) {
    layer.wk = w.linear(block_name(l, "attn_k"), n_kv, c.dim);
    layer.wv = w.optional_linear(block_name(l, "attn_v"), n_kv, c.dim);
    layer.k_norm = w.vector(block_name(l, "attn_k_norm.weight"), layer.head_dim);
  }
  layer.wo = w.linear(block_name(l, "attn_output"), c.dim, n_q);
  layer.attn_post_norm = norm("post_attention_norm.weight");
  layer.ffn_norm = norm("ffn_norm.weight");
  layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
  layer.ffn_post_norm = norm("post_ffw_norm.weight");
  if (c.n_experts > 0 && w.has(block_name(l, "ffn_gate_inp.weight"))) {
    layer.experts = {.moe = load_moe_ffn(w, l, c, expert_ffn_dim),
                     .router_scale = norm("ffn_gate_inp.scale"),
                     .pre_norm = norm("pre_ffw_norm_2.weight"),
                     .post_norm = norm("post_ffw_norm_2.weight"),
                     .ffn_post_norm = norm("post_ffw_norm_1.weight")};
  }
  if (per_layer_dim > 0) {
    layer.input_gate = w.linear(block_name(l, "inp_gate"), per_layer_dim, c.dim);
    layer.input_proj = w.linear(block_name(l, "proj"), c.dim, per_layer_dim);
    layer.input_post_norm = norm("post_norm.weight");
  }
  layer.output_scale = w.optional_vector(block_name(l, "layer_output_scale.weight"), 1);
}

}  // namespace

Result<std::unique_ptr<Model>> load_gemma4(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  if (c.n_experts > 0) require_experts(reader, c);
  HEARTH_CHECK(reader.status());
  auto model = std::make_unique<Gemma4>(c);
  model->layers = plan_layers(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  model->per_layer_dim = reader.integer("embedding_length_per_layer_input", 0, 1u << 16);
  model->logit_cap = reader.number("final_logit_softcapping", 0.0f);
  ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());
  ops::RopeOptions window_rope{.pairs = rope.pairs, .base = reader.positive("rope.freq_base_swa", 10000.0f)};
  const std::size_t window_head_dim = reader.integer("attention.key_length_swa", 1, 1u << 20);
  window_rope.n_rot =
      reader.integer("rope.dimension_count_swa", 0, window_head_dim, std::min(rope.n_rot, window_head_dim)) / 2 * 2;
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  // Proportional rope: a factor per pair of the full layers' heads; a huge one means the pair does not turn.
  const Vector factors = w.optional_vector("rope_freqs.weight", rope.n_rot / 2);
  rope.factors = factors;
  model->rope = make_rope(rope);
  model->window_rope = make_rope(window_rope);
  if (model->per_layer_dim > 0) {
    const std::size_t n = c.n_layers * model->per_layer_dim;
    model->per_layer_embd = w.matrix("per_layer_token_embd.weight", c.vocab_size, n);
    model->per_layer_proj = w.linear("per_layer_model_proj", n, c.dim);
    model->per_layer_norm = w.vector("per_layer_proj_norm.weight", model->per_layer_dim);
  }
  for (std::size_t l = 0; l < c.n_layers; ++l)
    load_layer(w, c, l, expert_ffn_dims[l], model->per_layer_dim, model->layers[l]);
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
