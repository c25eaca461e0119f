// Context: the operations a forward pass is written in. Eager and coarse; one implementation computes (NativeContext),
// others may record. docs/numerics.md says what each number is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "kernels/linear.h"
#include "kernels/table.h"
#include "ops/rope.h"
#include "ops/tensor.h"

namespace hearth::ops {

using kernels::Activation;
using kernels::ExpertsView;
using kernels::LinearView;

struct AttentionSpec {
  std::size_t n_heads = 0, n_kv_heads = 0;
  std::size_t k_dim = 0, v_dim = 0;     // per head
  float scale = 1.0f;                   // on q . k
  float soft_cap = 0.0f;                // 0: none
  std::size_t window = 0;               // a query sees the last `window` positions, itself included; 0: all
  std::size_t window_ahead = 0;         // bidirectional spans with a window: positions ahead it sees
  std::span<const float> sinks;         // [n_heads] or empty
  std::span<const float> alibi_slopes;  // [n_heads] or empty
};

struct MoeSpec {
  std::size_t n_used = 0;  // experts per token
  enum class Gate : std::uint8_t {
    kSoftmax,          // probabilities over all experts, then the top ones
    kSigmoid,          // independent probabilities
    kSoftmaxOfChosen,  // top logits first, softmax over them (gpt-oss)
  } gate = Gate::kSoftmax;
  enum class Weights : std::uint8_t {
    kAsIs,
    kNormalised
  } weights = Weights::kAsIs;  // normalised: divided by their sum
  float weight_scale = 1.0f;
  std::span<const float> selection_bias;        // [n_experts] added for choosing only
  std::size_t n_groups = 0, n_groups_used = 0;  // deepseek-v3: best groups first (by the sum of each group's two best)
  Activation activation = Activation::kSilu;
  float clamp_alpha = 0.0f, clamp_limit = 0.0f;  // alpha > 0: the clamped unit of gpt-oss
};

struct MoeExperts {
  ExpertsView gate;  // n_experts == 0: no gate, activation(up)
  ExpertsView up;
  ExpertsView down;
  std::span<const float> output_scale;  // [n_experts] factor on an expert's output, or empty
};

/// A depthwise causal convolution. The layer's recurrent state holds, from state_offset, the last width - 1 inputs:
/// [width - 1][channels], newest last.
struct Convolution {
  std::span<const float> kernel;  // [width][channels]; the last row meets the newest input
  std::span<const float> bias;    // [channels] or empty
  std::size_t width = 0;
  std::size_t state_offset = 0;  // floats
};

/// The selective state space of Mamba (arXiv 2312.00752). State from state_offset: [channels][n_state].
struct SelectiveScan {
  std::span<const float> a;  // [channels][n_state]
  std::size_t n_state = 0;
  std::size_t state_offset = 0;
};

/// The gated delta rule (arXiv 2412.06464). State from state_offset: [n_v_heads][v_dim][k_dim].
struct DeltaRule {
  std::size_t n_k_heads = 0, n_v_heads = 0;  // the second a multiple of the first
  std::size_t k_dim = 0, v_dim = 0;          // per head
  enum class Sharing : std::uint8_t {
    kTiled,   // value head h reads key head h mod n_k_heads
    kGrouped  // neighbours share: value head h reads key head h / (n_v_heads / n_k_heads)
  } sharing = Sharing::kTiled;
  float scale = 1.0f;  // on the output
  std::size_t state_offset = 0;
};

/// x > 0: alpha_p x^2 + beta x; else alpha_n (e^min(x, eps) - 1 - x) + beta x.
struct Xielu {
  float alpha_n = 0, alpha_p = 0, beta = 0, eps = 0;
};

/// Shapes: [rows, ...] where rows are the micro-batch's tokens. `x` is never changed unless the name says in place.
class Context {
 public:
  virtual ~Context() = default;

  /// Rows of this micro-batch.
  [[nodiscard]] virtual std::size_t n_rows() const = 0;
  /// The context size its sequences were made with; longrope picks its factors by it.
  [[nodiscard]] virtual std::size_t n_ctx() const = 0;

  /// Whether this micro-batch is tokens; else it is embeddings the caller gave.
  [[nodiscard]] virtual bool has_tokens() const = 0;
  /// [rows, dim]: the tokens' rows of the table, or the embeddings the caller gave.
  virtual Tensor embed(const kernels::PackedMatrix& table) = 0;
  /// [rows, dim]: one row of the table, for every row.
  virtual Tensor embed_row(const kernels::PackedMatrix& table, std::size_t table_row) = 0;
  /// [rows, dim]: the positions' rows of a learned position table.
  virtual Tensor embed_positions(const kernels::PackedMatrix& table) = 0;

  virtual Tensor rms_norm(const Tensor& x, std::span<const float> weight, float eps) = 0;
  /// weight and bias may be empty.
  virtual Tensor layer_norm(const Tensor& x, std::span<const float> weight, std::span<const float> bias, float eps) = 0;
  /// x as [rows, n, part]: each part normalised alone; weight [part] (shared), [n * part] (one per head) or empty.
  virtual Tensor rms_norm_parts(const Tensor& x, std::size_t part, std::span<const float> weight, float eps) = 0;
  virtual Tensor layer_norm_parts(const Tensor& x, std::size_t part, std::span<const float> weight,
                                  std::span<const float> bias, float eps) = 0;
  virtual Tensor l2_norm_parts(const Tensor& x, std::size_t part, float eps) = 0;

  /// x [rows, k] times each weight: one quantisation, one parallel region.
  virtual void linear_group(const Tensor& x, std::span<const LinearView> weights, std::span<Tensor> out) = 0;
  Tensor linear(const Tensor& x, const LinearView& w) {
    Tensor out;
    linear_group(x, {&w, 1}, {&out, 1});
    return out;
  }
  template <typename... W>
  std::array<Tensor, sizeof...(W)> linear_all(const Tensor& x, const W&... w) {
    const std::array<LinearView, sizeof...(W)> weights = {static_cast<LinearView>(w)...};
    std::array<Tensor, sizeof...(W)> out;
    linear_group(x, weights, out);
    return out;
  }

  /// x as [rows, n, k]: part p times matrix p of n (heads with a matrix each) -> [rows, n * outputs].
  virtual Tensor linear_parts(const Tensor& x, const ExpertsView& matrices) = 0;

  /// Columns [begin, begin + n) as a view.
  virtual Tensor columns(const Tensor& x, std::size_t begin, std::size_t n) = 0;
  /// Of [rows, n_parts, part]: columns [begin, begin + n) of every part, packed: [rows, n_parts * n].
  virtual Tensor part_columns(const Tensor& x, std::size_t part, std::size_t begin, std::size_t n) = 0;
  /// Part by part [a_part | b_part]: the inverse of two part_columns. b may have a single part, which then repeats.
  virtual Tensor join_parts(const Tensor& a, std::size_t a_part, const Tensor& b, std::size_t b_part) = 0;

  /// Turns every head of x [rows, n_heads * head_dim] in place, from element `offset` of the head on.
  virtual void rope(Tensor& x, const Rope& rope, std::size_t head_dim, std::size_t offset = 0) = 0;

  /// Stores k, v [rows, n_kv_heads * dim] for `layer`, then attends. Empty k and v: reads what `layer` stored (shared
  /// state).
  /// -> [rows, n_heads * v_dim]
  virtual Tensor attention(std::size_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                           const AttentionSpec& spec) = 0;

  /// out[t][c] = sum over w of kernel[w][c] * x[t - width + 1 + w][c], + bias; updates the layer's recurrent state.
  virtual Tensor short_convolution(std::size_t layer, const Tensor& x, const Convolution& conv) = 0;
  /// h[c] = exp(dt[c] a[c]) h[c] + dt[c] x[c] b, out[c] = h[c] . c by position; dt after its softplus.
  /// x, dt [rows, channels]; b, c [rows, n_state] -> [rows, channels]
  virtual Tensor selective_scan(std::size_t layer, const Tensor& x, const Tensor& dt, const Tensor& b, const Tensor& c,
                                const SelectiveScan& scan) = 0;
  /// Per value head, by position: S = decay S; S = S + beta (v - S k) k^T; out = scale S q.
  /// q, k [rows, n_k_heads * k_dim]; v [rows, n_v_heads * v_dim]; decay, beta [rows, n_v_heads]
  /// -> [rows, n_v_heads * v_dim]
  virtual Tensor delta_rule(std::size_t layer, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& decay,
                            const Tensor& beta, const DeltaRule& rule) = 0;

  /// x += y, in place.
  virtual void add(Tensor& x, const Tensor& y) = 0;
  /// x + y
  virtual Tensor sum(const Tensor& x, const Tensor& y) = 0;
  /// x = x * factor, in place.
  virtual void scale(Tensor& x, float factor) = 0;
  /// x = x * factors (per column), in place.
  virtual void scale_columns(Tensor& x, std::span<const float> factors) = 0;
  /// x = x + values (per column), in place.
  virtual void add_columns(Tensor& x, std::span<const float> values) = 0;
  /// x * y, element by element; y may have one column per `part` of x: [rows, n] with x [rows, n * part].
  virtual Tensor multiply(const Tensor& x, const Tensor& y) = 0;
  /// Each row times a factor of its position: x = x * f(position), in place (attention temperature).
  virtual void scale_rows(Tensor& x, const std::function<float(std::size_t position)>& factor) = 0;
  virtual Tensor activate(const Tensor& x, Activation f) = 0;
  /// f(gate) * up
  virtual Tensor gated(Activation f, const Tensor& gate, const Tensor& up) = 0;
  virtual Tensor gated_clamped(const Tensor& gate, const Tensor& up, float alpha, float limit) = 0;
  virtual Tensor xielu(const Tensor& x, const Xielu& unit) = 0;
  /// cap * tanh(x / cap), in place.
  virtual void soft_cap(Tensor& x, float cap) = 0;

  /// Mixture of experts over x [rows, dim] with router logits [rows, n_experts] -> [rows, dim].
  virtual Tensor moe(const Tensor& x, const Tensor& router_logits, const MoeExperts& experts, const MoeSpec& spec) = 0;

  /// The rows whose output somebody wants, in order.
  virtual Tensor wanted_rows(const Tensor& x) = 0;
  /// After each layer: tells observers, and stops with kCancelled when asked to.
  virtual Status layer_done(std::size_t layer, const Tensor& x) = 0;
};

}  // namespace hearth::ops
