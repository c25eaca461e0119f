// NativeContext: layers that carry floats from position to position. Positions run in order; channels or heads are
// shared out between threads, so that no cut of the work changes an operation (docs/numerics.md).
#include "ops/native_context.h"

namespace hearth::ops {

namespace {

/// Columns [begin, end) of one span: the unit of work a thread takes.
struct Slice {
  const RowSpan& span;
  std::size_t begin, end;
};

std::vector<Slice> slices(std::span<const RowSpan> spans, std::size_t n, std::size_t each) {
  std::vector<Slice> work;
  for (const RowSpan& span : spans) {
    for (std::size_t begin = 0; begin < n; begin += each) work.push_back({span, begin, std::min(n, begin + each)});
  }
  return work;
}

}  // namespace

Tensor NativeContext::short_convolution(std::size_t layer, const Tensor& x, const Convolution& conv) {
  constexpr std::size_t kChannelsEach = 256;
  const std::size_t channels = x.cols(), tail = conv.width - 1;
  Tensor out = make(x.rows(), channels);
  const std::vector<Slice> work = slices(batch_.spans, channels, kChannelsEach);
  pool_.parallel_for(work.size(), [&](std::size_t i, int) {
    const Slice& slice = work[i];
    const std::size_t n_rows = slice.span.n_rows;
    float* state = recurrent(slice.span, layer, conv.state_offset).data();  // [tail][channels]
    // Input number `age` of the state followed by this span's rows.
    const auto input = [&](std::size_t age) -> const float* {
      return age < tail ? state + age * channels : x.row(slice.span.row_begin + age - tail);
    };
    for (std::size_t t = 0; t < n_rows; ++t) {
      float* y = out.row(slice.span.row_begin + t);
      for (std::size_t w = 0; w < conv.width; ++w) {
        const float *from = input(t + w), *kernel = conv.kernel.data() + w * channels;
        for (std::size_t c = slice.begin; c < slice.end; ++c) {
          const float product = kernel[c] * from[c];
          y[c] = w == 0 ? product : y[c] + product;
        }
      }
      if (conv.bias.empty()) continue;
      for (std::size_t c = slice.begin; c < slice.end; ++c) y[c] += conv.bias[c];
    }
    for (std::size_t s = 0; s < tail; ++s) {  // ascending: a row of the state is read before it is overwritten
      const float* from = input(n_rows + s);
      std::copy(from + slice.begin, from + slice.end, state + s * channels + slice.begin);
    }
  });
  return out;
}

Tensor NativeContext::selective_scan(std::size_t layer, const Tensor& x, const Tensor& dt, const Tensor& b,
                                     const Tensor& c, const SelectiveScan& scan) {
  constexpr std::size_t kChannelsEach = 64;
  const std::size_t n = scan.n_state;
  Tensor out = make(x.rows(), x.cols());
  need_scratch(n * sizeof(float));
  const std::vector<Slice> work = slices(batch_.spans, x.cols(), kChannelsEach);
  pool_.parallel_for(work.size(), [&](std::size_t i, int worker) {
    const Slice& slice = work[i];
    float* decay = reinterpret_cast<float*>(scratch(worker));  // [n]
    float* states = recurrent(slice.span, layer, scan.state_offset).data();
    for (std::size_t row = slice.span.row_begin; row < slice.span.row_begin + slice.span.n_rows; ++row) {
      const float* input = b.row(row);  // [n]
      for (std::size_t channel = slice.begin; channel < slice.end; ++channel) {
        const float *a = scan.a.data() + channel * n, step = dt.row(row)[channel];
        float* state = states + channel * n;
        for (std::size_t s = 0; s < n; ++s) decay[s] = step * a[s];
        kernels_.activate(Activation::kExp, decay, n, decay);
        for (std::size_t s = 0; s < n; ++s) state[s] *= decay[s];
        kernels_.axpy(step * x.row(row)[channel], input, n, state);
        out.row(row)[channel] = kernels_.dot(state, c.row(row), n);
      }
    }
  });
  return out;
}

Tensor NativeContext::delta_rule(std::size_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                                 const Tensor& decay, const Tensor& beta, const DeltaRule& rule) {
  const std::size_t group = rule.n_v_heads / rule.n_k_heads;
  Tensor out = make(v.rows(), v.cols());
  const std::vector<Slice> work = slices(batch_.spans, rule.n_v_heads, 1);
  pool_.parallel_for(work.size(), [&](std::size_t i, int) {
    const std::size_t head = work[i].begin;
    const std::size_t key_head = rule.sharing == DeltaRule::Sharing::kTiled ? head % rule.n_k_heads : head / group;
    const RowSpan& span = work[i].span;
    float* state = recurrent(span, layer, rule.state_offset).data() + head * rule.v_dim * rule.k_dim;
    for (std::size_t row = span.row_begin; row < span.row_begin + span.n_rows; ++row) {
      const float *key = k.row(row) + key_head * rule.k_dim, *query = q.row(row) + key_head * rule.k_dim;
      const float *value = v.row(row) + head * rule.v_dim, keep = decay.row(row)[head], learn = beta.row(row)[head];
      float* y = out.row(row) + head * rule.v_dim;
      for (std::size_t d = 0; d < rule.v_dim; ++d) {
        float* s = state + d * rule.k_dim;  // what the head recalls for value element d
        for (std::size_t e = 0; e < rule.k_dim; ++e) s[e] *= keep;
        kernels_.axpy((value[d] - kernels_.dot(s, key, rule.k_dim)) * learn, key, rule.k_dim, s);
        y[d] = kernels_.dot(s, query, rule.k_dim) * rule.scale;
      }
    }
  });
  return out;
}

}  // namespace hearth::ops
