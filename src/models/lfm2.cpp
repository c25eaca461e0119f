// LFM2 (arXiv 2511.23404): gated short convolutions, with an attention layer now and then.
#include "models/decoder.h"
#include "models/recurrent.h"

namespace hearth {

namespace {

struct Layer {
  Vector operator_norm;  // [dim]
  // Layers without key/value heads:
  Linear conv_in;         // [3 * dim, dim]: what opens the input, what opens the output, the input
  ShortConvolution conv;  // over dim channels
  Linear conv_out;        // [dim, dim]
  // The others:
  Qkv qkv;
  Vector q_norm, k_norm;  // [head_dim]
  Linear wo;              // [dim, n_heads * head_dim]

  Vector ffn_norm;  // [dim]
  GatedFfn ffn;
};

struct Lfm2 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Rope rope;
  std::size_t window = 0;  // 0: attention sees everything

  [[nodiscard]] std::vector<ops::LayerState> state() const override {
    std::vector<ops::LayerState> states = attention_states(config());
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (config().n_kv_heads[l] == 0) states[l].n_recurrent = convolution_state(layers[l].conv.width, config().dim);
    }
    return states;
  }

  Tensor short_convolution(Context& ctx, std::size_t l, const Tensor& h) const {
    const Layer& layer = layers[l];
    const std::size_t dim = config().dim;
    const Tensor bcx = ctx.linear(h, layer.conv_in);  // [rows, 3 * dim]
    const Tensor open = ctx.columns(bcx, 0, dim), release = ctx.columns(bcx, dim, dim);
    const Tensor y = ctx.short_convolution(l, ctx.multiply(open, ctx.columns(bcx, 2 * dim, dim)), layer.conv.at(0));
    return ctx.linear(ctx.multiply(release, y), layer.conv_out);
  }

  Tensor attention(Context& ctx, std::size_t l, const Tensor& h) const {
    const Layer& layer = layers[l];
    const ModelConfig& c = config();
    auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
    q = ctx.rms_norm_parts(q, c.k_head_dim, layer.q_norm, c.norm_eps);
    k = ctx.rms_norm_parts(k, c.k_head_dim, layer.k_norm, c.norm_eps);
    ctx.rope(q, rope, c.k_head_dim);
    ctx.rope(k, rope, c.k_head_dim);
    ops::AttentionSpec spec = attention_spec(c, l);
    spec.window = window;
    return ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo);
  }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      Tensor h = ctx.rms_norm(x, layers[l].operator_norm, c.norm_eps);
      ctx.add(x, c.n_kv_heads[l] == 0 ? short_convolution(ctx, l, h) : attention(ctx, l, h));
      h = ctx.rms_norm(x, layers[l].ffn_norm, c.norm_eps);
      ctx.add(x, gated_ffn(ctx, h, layers[l].ffn, Activation::kSilu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_lfm2(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  if (c.k_head_dim == 0 || c.v_head_dim == 0)
    reader.fail_with({ErrorCode::kCorruptedModel, "lfm2 needs attention heads of at least one element"});
  const std::size_t width = reader.integer("shortconv.l_cache", 2, 64);
  const std::size_t window = reader.integer("attention.sliding_window", 0, 1u << 28, std::size_t{0});
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Lfm2>(c);
  model->rope = make_rope(rope);
  model->window = window;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer layer{.operator_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim)};
    if (c.n_kv_heads[l] == 0) {
      layer.conv_in = w.linear(block_name(l, "shortconv.in_proj"), 3 * c.dim, c.dim);
      layer.conv = load_short_convolution(w, block_name(l, "shortconv.conv"), width, c.dim);
      layer.conv_out = w.linear(block_name(l, "shortconv.out_proj"), c.dim, c.dim);
    } else {
      layer.qkv = load_qkv(w, c, l);
      layer.q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.k_head_dim);
      layer.k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.k_head_dim);
      layer.wo = load_attention_output(w, c, l);
    }
    layer.ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim);
    layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
    model->layers.push_back(std::move(layer));
  }
  model->ends.token_embd = w.matrix("token_embd.weight", c.vocab_size, c.dim);
  model->ends.output_norm = w.vector("token_embd_norm.weight", c.dim);  // so named by the converter
  model->ends.output = w.optional_linear("output", c.vocab_size, c.dim);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
