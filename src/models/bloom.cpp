// BLOOM (arXiv 2211.05100): no positions but ALiBi's distance penalty (arXiv 2108.12409), a norm after the embedding,
// GELU.
#include <bit>

#include "kernels/rope_math.h"
#include "models/decoder.h"

namespace hearth {

namespace {

struct Layer {
  Norm attn_norm;  // [dim]
  Qkv qkv;
  Linear wo;      // [dim, n_heads * head_dim]
  Norm ffn_norm;  // [dim]
  PlainFfn ffn;
};

/// Geometric from 2^(-8 / n) for n heads; where their number is no power of two, the rest lie between those of the next
/// power below.
Vector alibi_slopes(std::size_t n_heads) {
  Vector slopes;
  const std::size_t n = std::bit_floor(n_heads);
  for (std::size_t h = 0; h < n_heads; ++h) {
    const std::size_t step = h < n ? 2 * (h + 1) : 2 * (h - n) + 1;
    slopes.push_back(
        static_cast<float>(kernels::recipe_pow(2.0, -4.0 * static_cast<double>(step) / static_cast<double>(n))));
  }
  return slopes;
}

struct Bloom final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  Norm embd_norm;              // [dim]
  std::vector<Vector> slopes;  // [n_layers][n_heads]

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor x = layer_norm(ctx, ctx.embed(ends.token_embd.view()), embd_norm, c.norm_eps);  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      ops::AttentionSpec spec = attention_spec(c, l);
      spec.alibi_slopes = slopes[l];
      Tensor h = layer_norm(ctx, x, layer.attn_norm, c.norm_eps);
      const auto [q, k, v] = project(ctx, h, layer.qkv);  // [rows, heads * head_dim]
      ctx.add(x, ctx.linear(ctx.attention(l, q, k, v, spec), layer.wo));

      h = layer_norm(ctx, x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, plain_ffn(ctx, h, layer.ffn, Activation::kGelu));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.layer_norm(ctx.wanted_rows(x), ends.output_norm, ends.output_norm_bias, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_bloom(LoadContext& context) {
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  require_attention(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Bloom>(c);
  model->embd_norm = load_norm(w, "token_embd_norm", c.dim);
  for (const std::size_t n_heads : c.n_heads) model->slopes.push_back(alibi_slopes(n_heads));
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.attn_norm = load_norm(w, block_name(l, "attn_norm"), c.dim),
                             .qkv = load_qkv(w, c, l),
                             .wo = load_attention_output(w, c, l),
                             .ffn_norm = load_norm(w, block_name(l, "ffn_norm"), c.dim),
                             .ffn = load_plain_ffn(w, l, c.dim, c.ffn_dim[l])});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
