// Qwen3.5, dense and with experts (https://qwenlm.github.io): three gated delta nets to one layer of gated attention.
#include "models/decoder.h"
#include "models/moe.h"
#include "models/qwen_hybrid.h"
#include "models/rope_sections.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  // Delta nets:
  Linear qkv;          // [conv_dim, dim]
  Linear z;            // [value_dim, dim]
  Linear beta, alpha;  // [n_v_heads, dim]
  DeltaNet net;
  // The others:
  GatedAttention attention;

  Vector ffn_norm;  // [dim]
  GatedFfn ffn;     // dense models
  MoeFfn moe;       // models with experts
  SharedExperts shared;
};

struct Qwen35 final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::vector<bool> recurrent;
  DeltaNetDims dims;
  Rope rope;
  float attention_scale = 1;

  [[nodiscard]] std::vector<ops::LayerState> state() const override { return hybrid_states(config(), dims, recurrent); }

  Tensor mix_positions(Context& ctx, std::size_t l, const Tensor& h) const {
    const Layer& layer = layers[l];
    if (!recurrent[l]) return gated_attention(ctx, l, h, layer.attention, config(), rope, attention_scale);
    const auto [qkv, z, beta, alpha] = ctx.linear_all(h, layer.qkv, layer.z, layer.beta, layer.alpha);
    return delta_net(ctx, l, {qkv, z, beta, alpha}, layer.net, dims, ops::DeltaRule::Sharing::kTiled,
                     config().norm_eps);
  }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    const ops::MoeSpec experts{.n_used = c.n_experts_used, .weights = ops::MoeSpec::Weights::kNormalised};
    Tensor x = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      ctx.add(x, mix_positions(ctx, l, ctx.rms_norm(x, layer.attn_norm, c.norm_eps)));
      const Tensor h = ctx.rms_norm(x, layer.ffn_norm, c.norm_eps);
      ctx.add(x, c.n_experts == 0 ? gated_ffn(ctx, h, layer.ffn, Activation::kSilu)
                                  : ctx.sum(moe_ffn(ctx, h, layer.moe, experts), shared_experts(ctx, h, layer.shared)));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_qwen35(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  if (reader.architecture() == "qwen35moe") {
    require_experts(reader, c);
  } else {
    c.n_experts = c.n_experts_used = 0;
  }
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const std::size_t shared_ffn_dim = read_shared_ffn_dim(reader);
  const std::vector<bool> recurrent = read_recurrent_layers(reader, c);
  const DeltaNetDims dims = read_delta_net_dims(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  const auto sections = read_rope_sections(reader);
  drop_prediction_layers(reader, c);
  require_gated_attention(reader, c, recurrent);
  const float attention_scale = read_attention_scale(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Qwen35>(c);
  model->recurrent = recurrent;
  model->dims = dims;
  model->rope = make_rope(rope);
  keep_text_sections(model->rope, sections, RopeSections::kInterleaved);
  model->attention_scale = attention_scale;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer layer{.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim)};
    if (recurrent[l]) {
      layer.qkv = w.linear(block_name(l, "attn_qkv"), dims.conv_dim(), c.dim);
      layer.z = w.linear(block_name(l, "attn_gate"), dims.value_dim(), c.dim);
      layer.beta = w.linear(block_name(l, "ssm_beta"), dims.n_v_heads, c.dim);
      layer.alpha = w.linear(block_name(l, "ssm_alpha"), dims.n_v_heads, c.dim);
      layer.net = load_delta_net(w, l, c, dims);
    } else {
      layer.attention = load_gated_attention(w, l, c);
    }
    layer.ffn_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim);
    if (c.n_experts == 0) {
      layer.ffn = load_gated_ffn(w, l, c.dim, c.ffn_dim[l]);
    } else {
      layer.moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]);
      layer.shared = load_shared_experts(w, l, c.dim, shared_ffn_dim ? shared_ffn_dim : c.ffn_dim[l]);
    }
    model->layers.push_back(std::move(layer));
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
