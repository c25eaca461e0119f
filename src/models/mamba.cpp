// Mamba (arXiv 2312.00752) and Falcon Mamba (arXiv 2410.05355): selective state spaces, no attention.
#include "models/decoder.h"
#include "models/recurrent.h"

namespace hearth {

namespace {

struct Layer {
  Vector norm;            // [dim]
  Linear in;              // [2 * inner, dim]: the input x and the gate z
  ShortConvolution conv;  // over inner channels
  Linear x_proj;          // [dt_rank + 2 * n_state, inner]: what makes the step, B and C
  Linear dt_proj;         // [inner, dt_rank], with bias
  Vector a;               // [inner][n_state]
  Vector d;               // [inner]
  Linear out;             // [dim, inner]
};

struct Mamba final : Decoder {
  using Decoder::Decoder;
  std::vector<Layer> layers;
  std::size_t inner = 0, n_state = 0, dt_rank = 0;
  enum class StepNorm : std::uint8_t { kNone, kRms } step_norm = StepNorm::kNone;  // Falcon Mamba: on dt, B and C

  [[nodiscard]] std::vector<ops::LayerState> state() const override {
    std::vector<ops::LayerState> states;
    for (const Layer& layer : layers)
      states.push_back({.n_recurrent = convolution_state(layer.conv.width, inner) + inner * n_state});
    return states;
  }

  Result<Tensor> forward(Context& ctx) const override {
    const ModelConfig& c = config();
    Tensor stream = ctx.embed(ends.token_embd.view());  // [rows, dim]
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Layer& layer = layers[l];
      const Tensor xz = ctx.linear(ctx.rms_norm(stream, layer.norm, c.norm_eps), layer.in);  // [rows, 2 * inner]
      const Tensor x =
          ctx.activate(ctx.short_convolution(l, ctx.columns(xz, 0, inner), layer.conv.at(0)), Activation::kSilu);
      const Tensor z = ctx.columns(xz, inner, inner);
      const Tensor dt_b_c = ctx.linear(x, layer.x_proj);  // [rows, dt_rank + 2 * n_state]
      const auto part = [&](std::size_t begin, std::size_t n) {
        const Tensor columns = ctx.columns(dt_b_c, begin, n);
        return step_norm == StepNorm::kRms ? ctx.rms_norm(columns, {}, c.norm_eps) : columns;
      };
      const Tensor dt = ctx.activate(ctx.linear(part(0, dt_rank), layer.dt_proj), Activation::kSoftplus);
      Tensor y = ctx.selective_scan(l, x, dt, part(dt_rank, n_state), part(dt_rank + n_state, n_state),
                                    {layer.a, n_state, convolution_state(layer.conv.width, inner)});
      Tensor skip = x;
      ctx.scale_columns(skip, layer.d);
      ctx.add(y, skip);
      ctx.add(stream, ctx.linear(ctx.gated(Activation::kSilu, z, y), layer.out));
      HEARTH_CHECK(ctx.layer_done(l, stream));
    }
    return ctx.rms_norm(ctx.wanted_rows(stream), ends.output_norm, c.norm_eps);
  }
};

}  // namespace

Result<std::unique_ptr<Model>> load_mamba(LoadContext& context) {
  constexpr std::size_t kMaxInner = 1u << 20, kMaxState = 1u << 12;
  ConfigReader reader(context.file);
  const ModelConfig c = read_common_config(reader);
  HEARTH_CHECK(reader.status());
  auto model = std::make_unique<Mamba>(c);
  const std::size_t width = reader.integer("ssm.conv_kernel", 2, 64);
  model->inner = reader.integer("ssm.inner_size", 1, kMaxInner);
  model->n_state = reader.integer("ssm.state_size", 1, kMaxState);
  model->dt_rank = reader.integer("ssm.time_step_rank", 1, kMaxInner);
  if (reader.flag("ssm.dt_b_c_rms", false)) model->step_norm = Mamba::StepNorm::kRms;
  HEARTH_CHECK(reader.status());

  WeightLoader& w = context.weights;
  const std::size_t inner = model->inner;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    model->layers.push_back({.norm = w.vector(block_name(l, "attn_norm.weight"), c.dim),
                             .in = w.linear(block_name(l, "ssm_in"), 2 * inner, c.dim),
                             .conv = load_short_convolution(w, block_name(l, "ssm_conv1d"), width, inner),
                             .x_proj = w.linear(block_name(l, "ssm_x"), model->dt_rank + 2 * model->n_state, inner),
                             .dt_proj = w.linear(block_name(l, "ssm_dt"), inner, model->dt_rank),
                             .a = w.table(block_name(l, "ssm_a"), inner, model->n_state),
                             .d = w.vector(block_name(l, "ssm_d"), inner),
                             .out = w.linear(block_name(l, "ssm_out"), c.dim, inner)});
  }
  model->ends = load_ends(w, c);
  HEARTH_CHECK(w.status());
  return model;
}

}  // namespace hearth
