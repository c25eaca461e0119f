// NativeContext: memory, embeddings, norms and element-wise operations.
#include "ops/native_context.h"

#include <cstring>
#include <new>

#include "kernels/rope_math.h"

namespace hearth::ops {

NativeContext::NativeContext(const NativeContextOptions& options, const MicroBatch& batch)
    : options_(options), kernels_(*options.kernels), pool_(*options.pool), batch_(batch), positions_(batch.n_rows) {
  for (const RowSpan& span : batch.spans) {
    for (std::size_t r = 0; r < span.n_rows; ++r) positions_[span.row_begin + r] = span.position_begin + r;
  }
}

Tensor NativeContext::make(std::size_t rows, std::size_t cols) {
  Tensor x;
  x.storage_ = options_.storage->take(rows * cols);
  x.rows_ = rows;
  x.cols_ = x.stride_ = cols;
  return x;
}

void NativeContext::make_unique(Tensor& x) {
  if (x.storage_.use_count() > 1) {
    Tensor copy = make(x.rows_, x.cols_);
    for (std::size_t r = 0; r < x.rows_; ++r) std::memcpy(copy.row(r), x.row(r), x.cols_ * sizeof(float));
    x = std::move(copy);
  }
  x.storage_->i8x32.valid = x.storage_->i8x256.valid = false;
}

void NativeContext::need_scratch(std::size_t bytes_per_worker) {
  bytes_per_worker = (bytes_per_worker + 63) / 64 * 64;
  if (bytes_per_worker <= scratch_per_worker_) return;
  auto buffer = AlignedBuffer::make(bytes_per_worker * static_cast<std::size_t>(pool_.n_threads()));
  if (!buffer) throw std::bad_alloc();
  scratch_ = std::move(*buffer);
  scratch_per_worker_ = bytes_per_worker;
}

std::byte* NativeContext::scratch(int worker) {
  return scratch_.data() + static_cast<std::size_t>(worker) * scratch_per_worker_;
}

Tensor NativeContext::embed(const kernels::PackedMatrix& table) {
  Tensor x = make(batch_.n_rows, table.k);
  for_rows(batch_.n_rows, table.k, [&](std::size_t r) {
    if (batch_.tokens.empty()) {
      std::memcpy(x.row(r), batch_.embeddings.data() + r * table.k, table.k * sizeof(float));
    } else {
      kernels::decode_row(table, static_cast<std::size_t>(batch_.tokens[r]), x.row(r));
    }
  });
  return x;
}

Tensor NativeContext::embed_row(const kernels::PackedMatrix& table, std::size_t table_row) {
  Tensor x = make(batch_.n_rows, table.k);
  for_rows(batch_.n_rows, table.k, [&](std::size_t r) { kernels::decode_row(table, table_row, x.row(r)); });
  return x;
}

Tensor NativeContext::embed_positions(const kernels::PackedMatrix& table) {
  Tensor x = make(batch_.n_rows, table.k);
  for_rows(batch_.n_rows, table.k, [&](std::size_t r) { kernels::decode_row(table, position(r), x.row(r)); });
  return x;
}

Tensor NativeContext::rms_norm(const Tensor& x, std::span<const float> weight, float eps) {
  return rms_norm_parts(x, x.cols(), weight, eps);
}

Tensor NativeContext::layer_norm(const Tensor& x, std::span<const float> weight, std::span<const float> bias,
                                 float eps) {
  return layer_norm_parts(x, x.cols(), weight, bias, eps);
}

namespace {
/// The weights of part p: shared by all parts, one set per part, or none.
const float* part_weights(std::span<const float> weight, std::size_t part, std::size_t p) {
  if (weight.empty()) return nullptr;
  return weight.data() + (weight.size() == part ? 0 : p * part);
}
}  // namespace

Tensor NativeContext::rms_norm_parts(const Tensor& x, std::size_t part, std::span<const float> weight, float eps) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t p = 0; p < x.cols() / part; ++p) {
      kernels_.rms_norm(x.row(r) + p * part, part_weights(weight, part, p), eps, part, out.row(r) + p * part);
    }
  });
  return out;
}

Tensor NativeContext::layer_norm_parts(const Tensor& x, std::size_t part, std::span<const float> weight,
                                       std::span<const float> bias, float eps) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t p = 0; p < x.cols() / part; ++p) {
      kernels_.layer_norm(x.row(r) + p * part, part_weights(weight, part, p), part_weights(bias, part, p), eps, part,
                          out.row(r) + p * part);
    }
  });
  return out;
}

Tensor NativeContext::l2_norm_parts(const Tensor& x, std::size_t part, float eps) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t p = 0; p < x.cols() / part; ++p)
      kernels_.l2_norm(x.row(r) + p * part, eps, part, out.row(r) + p * part);
  });
  return out;
}

Tensor NativeContext::columns(const Tensor& x, std::size_t begin, std::size_t n) {
  Tensor view = x;
  view.offset_ += begin;
  view.cols_ = n;
  return view;
}

Tensor NativeContext::part_columns(const Tensor& x, std::size_t part, std::size_t begin, std::size_t n) {
  const std::size_t n_parts = x.cols() / part;
  Tensor out = make(x.rows(), n_parts * n);
  for (std::size_t r = 0; r < x.rows(); ++r) {
    for (std::size_t p = 0; p < n_parts; ++p)
      std::memcpy(out.row(r) + p * n, x.row(r) + p * part + begin, n * sizeof(float));
  }
  return out;
}

Tensor NativeContext::join_parts(const Tensor& a, std::size_t a_part, const Tensor& b, std::size_t b_part) {
  const std::size_t n_parts = a.cols() / a_part, both = a_part + b_part;
  const std::size_t b_step = b.cols() == b_part ? 0 : b_part;
  Tensor out = make(a.rows(), n_parts * both);
  for (std::size_t r = 0; r < a.rows(); ++r) {
    for (std::size_t p = 0; p < n_parts; ++p) {
      std::memcpy(out.row(r) + p * both, a.row(r) + p * a_part, a_part * sizeof(float));
      std::memcpy(out.row(r) + p * both + a_part, b.row(r) + p * b_step, b_part * sizeof(float));
    }
  }
  return out;
}

const NativeContext::RopeTable& NativeContext::rope_table(const Rope& rope) {
  RopeTable& table = rope_tables_[&rope];
  const std::size_t half = rope.n_rot / 2;
  if (table.cosines.size() == batch_.n_rows * half) return table;
  table.cosines.resize(batch_.n_rows * half);
  table.sines.resize(batch_.n_rows * half);
  for_rows(batch_.n_rows, half * 64, [&](std::size_t r) {
    for (std::size_t i = 0; i < half; ++i) {
      double sine = 0, cosine = 0;
      kernels::recipe_sin_cos(static_cast<double>(position(r)) * rope.frequencies[i], sine, cosine);
      table.cosines[r * half + i] = static_cast<float>(cosine) * rope.magnitude;
      table.sines[r * half + i] = static_cast<float>(sine) * rope.magnitude;
    }
  });
  return table;
}

void NativeContext::rope(Tensor& x, const Rope& rope, std::size_t head_dim, std::size_t offset) {
  make_unique(x);
  const RopeTable& table = rope_table(rope);
  const std::size_t half = rope.n_rot / 2;
  const bool interleaved = rope.pairs == Rope::Pairs::kInterleaved;
  const std::size_t step = interleaved ? 2 : 1, partner = interleaved ? 1 : half;
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    const float* cosines = table.cosines.data() + r * half;
    const float* sines = table.sines.data() + r * half;
    for (std::size_t head = 0; head < x.cols() / head_dim; ++head) {
      float* values = x.row(r) + head * head_dim + offset;
      for (std::size_t i = 0; i < half; ++i) {
        const float a = values[i * step], b = values[i * step + partner];
        values[i * step] = a * cosines[i] - b * sines[i];
        values[i * step + partner] = a * sines[i] + b * cosines[i];
      }
    }
  });
}

void NativeContext::add(Tensor& x, const Tensor& y) {
  make_unique(x);
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    float* to = x.row(r);
    const float* from = y.row(r);
    for (std::size_t i = 0; i < x.cols(); ++i) to[i] += from[i];
  });
}

Tensor NativeContext::sum(const Tensor& x, const Tensor& y) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t i = 0; i < x.cols(); ++i) out.row(r)[i] = x.row(r)[i] + y.row(r)[i];
  });
  return out;
}

void NativeContext::scale(Tensor& x, float factor) {
  if (factor == 1.0f) return;
  make_unique(x);
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t i = 0; i < x.cols(); ++i) x.row(r)[i] *= factor;
  });
}

void NativeContext::scale_columns(Tensor& x, std::span<const float> factors) {
  make_unique(x);
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t i = 0; i < x.cols(); ++i) x.row(r)[i] *= factors[i];
  });
}

void NativeContext::add_columns(Tensor& x, std::span<const float> values) {
  make_unique(x);
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t i = 0; i < x.cols(); ++i) x.row(r)[i] += values[i];
  });
}

Tensor NativeContext::multiply(const Tensor& x, const Tensor& y) {
  Tensor out = make(x.rows(), x.cols());
  const std::size_t part = x.cols() / y.cols();
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    for (std::size_t i = 0; i < x.cols(); ++i) out.row(r)[i] = x.row(r)[i] * y.row(r)[i / part];
  });
  return out;
}

void NativeContext::scale_rows(Tensor& x, const std::function<float(std::size_t position)>& factor) {
  make_unique(x);
  for_rows(x.rows(), x.cols(), [&](std::size_t r) {
    const float f = factor(position(r));
    for (std::size_t i = 0; i < x.cols(); ++i) x.row(r)[i] *= f;
  });
}

Tensor NativeContext::activate(const Tensor& x, Activation f) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols() * 4, [&](std::size_t r) { kernels_.activate(f, x.row(r), x.cols(), out.row(r)); });
  return out;
}

Tensor NativeContext::gated(Activation f, const Tensor& gate, const Tensor& up) {
  Tensor out = make(gate.rows(), gate.cols());
  for_rows(gate.rows(), gate.cols() * 4,
           [&](std::size_t r) { kernels_.gated(f, gate.row(r), up.row(r), gate.cols(), out.row(r)); });
  return out;
}

Tensor NativeContext::gated_clamped(const Tensor& gate, const Tensor& up, float alpha, float limit) {
  Tensor out = make(gate.rows(), gate.cols());
  for_rows(gate.rows(), gate.cols() * 4, [&](std::size_t r) {
    kernels_.gated_clamped(gate.row(r), up.row(r), alpha, limit, gate.cols(), out.row(r));
  });
  return out;
}

Tensor NativeContext::xielu(const Tensor& x, const Xielu& unit) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols() * 4, [&](std::size_t r) {
    const float* in = x.row(r);
    float* y = out.row(r);
    for (std::size_t i = 0; i < x.cols(); ++i) y[i] = std::min(in[i], unit.eps);
    kernels_.activate(Activation::kExp, y, x.cols(), y);
    for (std::size_t i = 0; i < x.cols(); ++i) {
      const float curve = in[i] > 0 ? unit.alpha_p * in[i] * in[i] : ((y[i] - 1.0f) - in[i]) * unit.alpha_n;
      y[i] = curve + unit.beta * in[i];
    }
  });
  return out;
}

void NativeContext::soft_cap(Tensor& x, float cap) {
  make_unique(x);
  for_rows(x.rows(), x.cols() * 4, [&](std::size_t r) { kernels_.soft_cap(x.row(r), cap, x.cols(), x.row(r)); });
}

Tensor NativeContext::rows(const Tensor& x, std::size_t begin, std::size_t n) {
  Tensor out = make(n, x.cols());
  for (std::size_t r = 0; r < n; ++r) std::memcpy(out.row(r), x.row(begin + r), x.cols() * sizeof(float));
  return out;
}

Tensor NativeContext::wanted_rows(const Tensor& x) {
  Tensor out = make(batch_.wanted_rows.size(), x.cols());
  for (std::size_t i = 0; i < out.rows(); ++i)
    std::memcpy(out.row(i), x.row(batch_.wanted_rows[i]), x.cols() * sizeof(float));
  return out;
}

Status NativeContext::layer_done(std::size_t layer, const Tensor& x) {
  if (options_.observe_layer) {
    for (std::size_t r = 0; r < x.rows(); ++r) options_.observe_layer(layer, batch_.row_offset + r, values(x, r));
  }
  if (options_.cancelled && options_.cancelled()) return fail(ErrorCode::kCancelled, "the evaluation was cancelled");
  return {};
}

}  // namespace hearth::ops
