// ModernBERT (arXiv 2412.13663): norms before each part, rope, a window to both sides on two of three layers, GEGLU.
#include "models/encoder.h"

#include <fmt/format.h>

namespace hearth {

namespace {

struct Layer {
  Norm attn_norm;  // [dim]; none on the first layer, whose input is normalised already
  Qkv qkv;
  Linear wo;      // [dim, n_heads * head_dim]
  Norm ffn_norm;  // [dim]
  FusedGatedFfn ffn;
  bool windowed = false;
};

struct ModernBert final : Encoder {
  using Encoder::Encoder;
  Matrix token_embd;            // [vocab, dim]
  Norm embd_norm, output_norm;  // [dim]
  std::vector<Layer> layers;
  Rope rope, window_rope;
  std::size_t reach = 0;  // positions a windowed layer sees to either side
  Activation activation = Activation::kGelu;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = layer_norm(ctx, ctx.embed(token_embd.view()), embd_norm, c.norm_eps);  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Rope& turn = layer.windowed ? window_rope : rope;
      const Tensor h = layer.attn_norm.weight.empty() ? x : layer_norm(ctx, x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
      ops::AttentionSpec spec = attention_spec(c, l);
      if (layer.windowed) {
        spec.window = reach + 1;
        spec.window_ahead = reach;
      }
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo));
      ctx.add(x, fused_gated_ffn(ctx, layer_norm(ctx, x, layer.ffn_norm, c.norm_eps), layer.ffn, activation));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return layer_norm(ctx, ctx.wanted_rows(x), output_norm, c.norm_eps);
  }
};

/// The window is on all layers but every third, from the first on, or where the flags say.
std::vector<bool> read_windowed_layers(ConfigReader& reader, const ModelConfig& c) {
  constexpr std::string_view kKey = "attention.sliding_window_pattern";
  const auto value = reader.file().find_metadata(reader.full_key(kKey));
  if (value && std::holds_alternative<MetadataArray>(value->value)) {
    std::vector<bool> windowed(c.n_layers);
    const std::vector<std::size_t> windows = read_windows(reader, c, 1, 0);
    for (std::size_t l = 0; l < c.n_layers; ++l) windowed[l] = windows[l] != 0;
    return windowed;
  }
  const std::size_t period = reader.integer(kKey, 0, 4096, std::size_t{3});
  std::vector<bool> windowed(c.n_layers);
  for (std::size_t l = 0; l < c.n_layers; ++l) windowed[l] = period == 0 || l % period != 0;
  return windowed;
}

Activation read_activation(ConfigReader& reader) {
  const std::string name = reader.text("hidden_activation", "gelu");
  if (name == "silu") return Activation::kSilu;
  if (name != "gelu") {
    reader.fail_with({ErrorCode::kUnsupportedModel,
                      fmt::format("the activation {} is not supported; known: gelu, silu", quote_untrusted(name))});
  }
  return Activation::kGelu;
}

}  // namespace

Result<std::unique_ptr<Model>> load_modern_bert(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const Pooling pooling = read_pooling(reader);
  const Activation activation = read_activation(reader);
  const std::size_t window = reader.integer("attention.sliding_window", 0, 1u << 28, std::size_t{0});
  const std::vector<bool> windowed = window ? read_windowed_layers(reader, c) : std::vector<bool>(c.n_layers);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  ops::RopeOptions window_rope = rope;
  window_rope.base = reader.positive("rope.freq_base_swa", 10000.0f);
  window_rope.linear_factor = 1;  // a window never outgrows what the model was trained with
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<ModernBert>(c, pooling);
  model->rope = make_rope(rope);
  model->window_rope = make_rope(window_rope);
  model->reach = window / 2;
  model->activation = activation;
  model->token_embd = w.matrix("token_embd.weight", c.vocab_size, c.dim);
  model->embd_norm = load_norm(w, "token_embd_norm", c.dim);
  model->output_norm = load_norm(w, "output_norm", c.dim);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    const bool has_norm = l > 0 || w.has(block_name(l, "attn_norm.weight"));
    model->layers.push_back({.attn_norm = has_norm ? load_norm(w, block_name(l, "attn_norm"), c.dim) : Norm{},
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = load_norm(w, block_name(l, "ffn_norm"), c.dim),
                             .ffn = load_fused_gated_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .windowed = windowed[l]});
  }
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
