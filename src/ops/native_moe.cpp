// NativeContext: mixture of experts. Rows are grouped by expert; experts run and add up in ascending order.
#include <cmath>
#include <numeric>

#include "ops/native_context.h"

namespace hearth::ops {

namespace {

struct Choice {
  std::uint32_t expert;
  float weight;
};

/// Marks experts outside the best groups by a score of minus infinity. A group's score is the sum of its two best.
void keep_best_groups(std::span<float> scores, std::size_t n_groups, std::size_t n_used) {
  const std::size_t size = scores.size() / n_groups;
  std::vector<float> group_score(n_groups);
  for (std::size_t g = 0; g < n_groups; ++g) {
    float best = -INFINITY, second = -INFINITY;
    for (const float s : scores.subspan(g * size, size)) {
      if (s > best) {
        second = best;
        best = s;
      } else if (s > second) {
        second = s;
      }
    }
    group_score[g] = size > 1 ? best + second : best;
  }
  std::vector<std::size_t> order(n_groups);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return group_score[a] > group_score[b]; });
  for (std::size_t i = n_used; i < n_groups; ++i) std::ranges::fill(scores.subspan(order[i] * size, size), -INFINITY);
}

/// The experts of one row, ascending by index, with the weights of their outputs.
std::vector<Choice> choose(const kernels::KernelTable& kernels, std::span<const float> logits, const MoeSpec& spec) {
  const std::size_t n = logits.size();
  std::vector<float> gate(n), scores(n);
  switch (spec.gate) {
    case MoeSpec::Gate::kSoftmax: kernels.softmax(logits.data(), n, gate.data()); break;
    case MoeSpec::Gate::kSigmoid: kernels.activate(Activation::kSigmoid, logits.data(), n, gate.data()); break;
    case MoeSpec::Gate::kSoftmaxOfChosen: gate.assign(logits.begin(), logits.end()); break;
  }
  for (std::size_t e = 0; e < n; ++e) {
    scores[e] = spec.selection_bias.empty() ? gate[e] : gate[e] + spec.selection_bias[e];
    if (std::isnan(scores[e])) scores[e] = -INFINITY;  // so that the order below is one
  }
  if (spec.n_groups > 1) keep_best_groups(scores, spec.n_groups, spec.n_groups_used);

  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  const auto better = [&](std::uint32_t a, std::uint32_t b) {
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
  };
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(spec.n_used), better);
  order.resize(spec.n_used);
  std::ranges::sort(order);
  std::vector<float> weights;
  for (const std::uint32_t e : order) weights.push_back(gate[e]);
  if (spec.gate == MoeSpec::Gate::kSoftmaxOfChosen) kernels.softmax(weights.data(), weights.size(), weights.data());
  if (spec.weights == MoeSpec::Weights::kNormalised) {
    float total = 0;
    for (const float w : weights) total += w;
    for (float& w : weights)
      w /= std::max(total, 6.103515625e-5f);  // the smallest normal half, as trained models expect
  }
  std::vector<Choice> choices;
  for (std::size_t i = 0; i < order.size(); ++i) choices.push_back({order[i], weights[i] * spec.weight_scale});
  return choices;
}

LinearView expert_linear(const ExpertsView& experts, std::size_t e) {
  LinearView w{experts.expert(e), {}};
  if (!experts.bias.empty()) w.bias = experts.bias.subspan(e * w.matrix.n, w.matrix.n);
  return w;
}

}  // namespace

Tensor NativeContext::moe(const Tensor& x, const Tensor& router_logits, const MoeExperts& experts,
                          const MoeSpec& spec) {
  struct Member {
    std::size_t row;
    float weight;
  };
  std::vector<std::vector<Member>> members(experts.up.n_experts);
  std::vector<std::vector<Choice>> choices(x.rows());
  for_rows(x.rows(), router_logits.cols() * 16,
           [&](std::size_t r) { choices[r] = choose(kernels_, values(router_logits, r), spec); });
  for (std::size_t r = 0; r < x.rows(); ++r) {
    for (const Choice& c : choices[r]) {
      const float scale = experts.output_scale.empty() ? 1.0f : experts.output_scale[c.expert];
      members[c.expert].push_back({r, c.weight * scale});
    }
  }
  Tensor out = make(x.rows(), experts.down.first.n);
  for (std::size_t r = 0; r < out.rows(); ++r) std::fill_n(out.row(r), out.cols(), 0.0f);
  for (std::size_t e = 0; e < members.size(); ++e) {
    if (members[e].empty()) continue;
    Tensor in = make(members[e].size(), x.cols());
    for (std::size_t i = 0; i < in.rows(); ++i) std::copy_n(x.row(members[e][i].row), x.cols(), in.row(i));
    Tensor hidden;
    if (experts.gate.n_experts == 0) {
      hidden = activate(linear(in, expert_linear(experts.up, e)), spec.activation);
    } else {
      const auto [gate, up] = linear_all(in, expert_linear(experts.gate, e), expert_linear(experts.up, e));
      hidden = spec.clamp_alpha > 0 ? gated_clamped(gate, up, spec.clamp_alpha, spec.clamp_limit)
                                    : gated(spec.activation, gate, up);
    }
    const Tensor y = linear(hidden, expert_linear(experts.down, e));
    for_rows(y.rows(), y.cols(), [&](std::size_t i) {
      kernels_.axpy(members[e][i].weight, y.row(i), y.cols(), out.row(members[e][i].row));
    });
  }
  return out;
}

}  // namespace hearth::ops
