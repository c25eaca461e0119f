// Apertus (arXiv 2509.14233): an RMS norm on every head of queries and keys, and a plain feed-forward with the xIELU
// unit (arXiv 2411.13010), whose shape is learned per layer.
#include <algorithm>
#include <cmath>

#include "kernels/rope_math.h"
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  Qkv qkv;
  Vector q_norm, k_norm;  // [head_dim]
  Linear wo;              // [dim, n_heads * head_dim]
  Vector ffn_norm;        // [dim]
  PlainFfn ffn;
  ops::Xielu unit;
};

/// One number per layer; these keys carry no architecture's name.
std::vector<float> per_layer_numbers(ConfigReader& reader, std::string_view key, std::size_t n_layers) {
  const auto found = reader.file().find_metadata(key);
  if (found && !std::holds_alternative<MetadataArray>(found->value)) {
    const auto value = reader.file().require<float>(key);
    if (!value) reader.fail_with(value.error());
    return std::vector<float>(n_layers, value.value_or(0.0f));
  }
  auto values = reader.file().require_array<float>(key, n_layers);
  if (!values) reader.fail_with(values.error());
  return values.value_or(std::vector<float>(n_layers));
}

/// log(1 + e^x)
float softplus(float x) {
  return static_cast<float>(std::max(0.0f, x) + kernels::recipe_log64(1.0 + kernels::recipe_exp64(-std::abs(x))));
}

/// The learned numbers are kept where no value is wrong: alpha_p = softplus(p), alpha_n = beta + softplus(n).
std::vector<ops::Xielu> read_units(ConfigReader& reader, const ModelConfig& c) {
  const auto n = per_layer_numbers(reader, "xielu.alpha_n", c.n_layers);
  const auto p = per_layer_numbers(reader, "xielu.alpha_p", c.n_layers);
  const auto beta = per_layer_numbers(reader, "xielu.beta", c.n_layers);
  const auto eps = per_layer_numbers(reader, "xielu.eps", c.n_layers);
  std::vector<ops::Xielu> units;
  for (std::size_t l = 0; l < c.n_layers; ++l)
    units.push_back({.alpha_n = beta[l] + softplus(n[l]), .alpha_p = softplus(p[l]), .beta = beta[l], .eps = eps[l]});
  return units;
}

struct Apertus final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  ContextRope rope;

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const Rope& turn = rope.at(ctx.n_ctx());
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      Tensor h = ctx.rms_norm(x, layer.attn_norm, c.norm_eps);
      auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      q = ctx.rms_norm_parts(q, c.k_head_dim, layer.q_norm, c.norm_eps);
      k = ctx.rms_norm_parts(k, c.k_head_dim, layer.k_norm, c.norm_eps);
      ctx.rope(q, turn, c.k_head_dim);
      ctx.rope(k, turn, c.k_head_dim);
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, attention_spec(c, l)), layer.wo));

      h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, ctx.linear(ctx.xielu(ctx.linear(h, layer.ffn.up), layer.unit), layer.ffn.down));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_apertus(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const std::size_t n_ctx_original = read_original_context(reader, c);
  const std::vector<ops::Xielu> units = read_units(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Apertus>(c);
  model->rope = load_context_rope(w, rope, n_ctx_original);
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .q_norm = w.vector(block_name(l, "attn_q_norm.weight"), c.k_head_dim),
                             .k_norm = w.vector(block_name(l, "attn_k_norm.weight"), c.k_head_dim),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = w.vector(block_name(l, "ffn_norm.weight"), c.dim),
                             .ffn = load_plain_ffn(w, l, c.dim, c.ffn_dim[l]),
                             .unit = units[l]});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
