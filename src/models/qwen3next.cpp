// Qwen3-Next (https://qwenlm.github.io/blog/qwen3_next): three gated delta nets to one layer of gated attention, many
// small experts beside a gated shared one.
#include <tuple>
#include <utility>

#include "models/decoder.h"
#include "models/moe.h"
#include "models/qwen_hybrid.h"

namespace hearth {

namespace {

struct Layer {
  Vector attn_norm;  // [dim]
  // Delta nets:
  Linear qkv;   // [conv_dim, dim]
  Linear z;     // [value_dim, dim]
  Linear qkvz;  // older files, instead of both: [conv_dim + value_dim, dim], per key head its q, k, v and z
  Linear ba;    // [2 * n_v_heads, dim]: per key head its value heads' betas, then their alphas
  DeltaNet net;
  // The others:
  GatedAttention attention;

  Vector ffn_norm;  // [dim]
  MoeFfn moe;
  SharedExperts shared;
};

struct Qwen3Next final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::vector<bool> recurrent;
  DeltaNetDims dims;
  Rope rope;
  float attention_scale = 1;

  [[nodiscard]] std::vector<ops::LayerState> state() const override { return hybrid_states(config(), dims, recurrent); }

  DeltaNetInputs delta_net_inputs(Context& ctx, const Layer& layer, const Tensor& h) const {
    const std::size_t group = dims.n_v_heads / dims.n_k_heads, d = dims.head_dim;
    const Tensor ba = ctx.linear(h, layer.ba);
    DeltaNetInputs in{.beta = ctx.part_columns(ba, 2 * group, 0, group),
                      .alpha = ctx.part_columns(ba, 2 * group, group, group)};
    if (layer.qkv) {
      std::tie(in.qkv, in.z) = std::pair(ctx.linear(h, layer.qkv), ctx.linear(h, layer.z));
      return in;
    }
    const std::size_t part = 2 * d + 2 * group * d;
    const Tensor all = ctx.linear(h, layer.qkvz);  // [rows, n_k_heads * part]
    const Tensor q = ctx.part_columns(all, part, 0, d), k = ctx.part_columns(all, part, d, d);
    const Tensor v = ctx.part_columns(all, part, 2 * d, group * d);
    const Tensor qk = ctx.join_parts(q, q.cols(), k, k.cols());
    in.qkv = ctx.join_parts(qk, qk.cols(), v, v.cols());
    in.z = ctx.part_columns(all, part, 2 * d + group * d, group * d);
    return in;
  }

  Tensor mix_positions(Context& ctx, std::size_t l, const Tensor& h) const {
    const Layer& layer = layers[l];
    if (!recurrent[l]) return gated_attention(ctx, l, h, layer.attention, config(), rope, attention_scale);
    return delta_net(ctx, l, delta_net_inputs(ctx, layer, h), layer.net, dims, ops::DeltaRule::Sharing::kGrouped,
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
      ctx.add(x, ctx.sum(moe_ffn(ctx, h, layer.moe, experts), shared_experts(ctx, h, layer.shared)));
      HEARTH_CHECK(ctx.layer_done(l, x));
    }
    return ctx.rms_norm(ctx.wanted_rows(x), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_qwen3next(LoadContext& context) {
  ConfigReader reader(context.file);
  ModelConfig c = read_common_config(reader);
  require_experts(reader, c);
  const std::vector<std::size_t> expert_ffn_dims = read_expert_ffn_dims(reader, c);
  const std::size_t shared_ffn_dim = read_shared_ffn_dim(reader);
  const std::vector<bool> recurrent = read_recurrent_layers(reader, c);
  const DeltaNetDims dims = read_delta_net_dims(reader, c);
  const ops::RopeOptions rope = read_rope(reader, c, Rope::Pairs::kHalves);
  drop_prediction_layers(reader, c);
  require_gated_attention(reader, c, recurrent);
  const float attention_scale = read_attention_scale(reader, c);
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  auto model = std::make_unique<Qwen3Next>(c);
  model->recurrent = recurrent;
  model->dims = dims;
  model->rope = make_rope(rope);
  model->attention_scale = attention_scale;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    Layer layer{.attn_norm = w.vector(block_name(l, "attn_norm.weight"), c.dim)};
    if (!recurrent[l]) {
      layer.attention = load_gated_attention(w, l, c);
    } else {
      if (w.has(block_name(l, "attn_qkv.weight"))) {
        layer.qkv = w.linear(block_name(l, "attn_qkv"), dims.conv_dim(), c.dim);
        layer.z = w.linear(block_name(l, "attn_gate"), dims.value_dim(), c.dim);
      } else {
        layer.qkvz = w.linear(block_name(l, "ssm_in"), dims.conv_dim() + dims.value_dim(), c.dim);
      }
      layer.ba = w.linear(block_name(l, "ssm_ba"), 2 * dims.n_v_heads, c.dim);
      layer.net = load_delta_net(w, l, c, dims);
    }
    layer.ffn_norm = w.vector(block_name(l, "post_attention_norm.weight"), c.dim);
    layer.moe = load_moe_ffn(w, l, c, expert_ffn_dims[l]);
    layer.shared = load_shared_experts(w, l, c.dim, shared_ffn_dim ? shared_ffn_dim : c.ffn_dim[l]);
    model->layers.push_back(std::move(layer));
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
