// NativeContext: matrix products. The input is quantised once per kind; the panels of all weights form one parallel
// region.
#include <new>

#include "ops/native_context.h"
#include "tensor/half.h"

namespace hearth::ops {

namespace {

void reserve(AlignedBuffer& buffer, std::size_t bytes) {
  if (buffer.size() >= bytes) return;
  auto made = AlignedBuffer::make(bytes);
  if (!made) throw std::bad_alloc();
  buffer = std::move(*made);
}

/// A run of panels of one weight: the unit of work a thread takes.
struct PanelChunk {
  std::size_t weight_idx, begin, end;
};

}  // namespace

void NativeContext::quantise(const Tensor& x, kernels::ActKind kind) {
  const bool small_blocks = kind == kernels::ActKind::kI8x32;
  Storage::Quantised& q = small_blocks ? x.storage_->i8x32 : x.storage_->i8x256;
  if (q.valid && x.whole()) return;
  const std::size_t k = x.cols(), n_scales = k / (small_blocks ? 32 : 256), n_sums = k / (small_blocks ? 32 : 16);
  reserve(q.codes, x.rows() * k);
  reserve(q.scales, x.rows() * n_scales * sizeof(float));
  reserve(q.sums, x.rows() * n_sums * sizeof(std::int32_t));
  for_rows(x.rows(), k, [&](std::size_t r) {
    const kernels::ActOut out = {q.codes.as<std::int8_t>() + r * k, q.scales.as<float>() + r * n_scales,
                                 q.sums.as<std::int32_t>() + r * n_sums};
    (small_blocks ? kernels_.quantize_i8x32 : kernels_.quantize_i8x256)(x.row(r), k, out);
  });
  q.valid = x.whole();
}

Tensor NativeContext::rounded(const Tensor& x) {
  Tensor out = make(x.rows(), x.cols());
  for_rows(x.rows(), x.cols(),
           [&](std::size_t r) { std::transform(x.row(r), x.row(r) + x.cols(), out.row(r), rounded_to_bf16); });
  return out;
}

kernels::ActRows NativeContext::activations(const Tensor& x, kernels::ActKind kind) {
  kernels::ActRows rows{.kind = kind, .m = x.rows(), .k = x.cols()};
  if (kind == kernels::ActKind::kF32) {
    rows.values = x.row(0);
    rows.value_stride = x.stride_;
    return rows;
  }
  quantise(x, kind);
  const Storage::Quantised& q = kind == kernels::ActKind::kI8x32 ? x.storage_->i8x32 : x.storage_->i8x256;
  rows.codes = q.codes.as<std::int8_t>();
  rows.scales = q.scales.as<float>();
  rows.sums = q.sums.as<std::int32_t>();
  return rows;
}

void NativeContext::linear_group(const Tensor& x, std::span<const LinearView> weights, std::span<Tensor> out) {
  std::size_t n_panels = 0;
  for (const LinearView& w : weights) n_panels += w.matrix.n_panels();
  // Few large chunks: enough for idle threads to take over, not so many that the counter costs. With many rows each
  // chunk also prepares the rows for its kernel, so it should be larger. Kernels take panels in fours.
  const std::size_t n_chunks = (x.rows() < 16 ? 8 : 3) * static_cast<std::size_t>(pool_.n_threads());
  const std::size_t per_chunk = (n_panels / n_chunks + 4) / 4 * 4;
  std::vector<PanelChunk> chunks;
  std::vector<kernels::ActRows> inputs;
  Tensor rounded_x;
  for (std::size_t w = 0; w < weights.size(); ++w) {
    out[w] = make(x.rows(), weights[w].matrix.n);
    const DType type = weights[w].matrix.type;
    if (rounds_for(type) && !rounded_x) rounded_x = rounded(x);
    inputs.push_back(activations(rounds_for(type) ? rounded_x : x, kernels::act_kind(type)));
    const std::size_t panels = weights[w].matrix.n_panels();
    for (std::size_t begin = 0; begin < panels; begin += per_chunk)
      chunks.push_back({w, begin, std::min(panels, begin + per_chunk)});
  }
  if (x.rows() == 0) return;
  need_scratch(kernels::matmul_scratch_bytes(x.cols()));
  pool_.parallel_for(chunks.size(), [&](std::size_t chunk_idx, int worker) {
    const PanelChunk& chunk = chunks[chunk_idx];
    const LinearView& w = weights[chunk.weight_idx];
    const Tensor& y = out[chunk.weight_idx];
    product(w.matrix.type)(w.matrix, inputs[chunk.weight_idx], chunk.begin, chunk.end, y.row(0), y.stride_,
                           scratch(worker));
    if (w.bias.empty()) return;
    const std::size_t end = std::min(w.matrix.n, chunk.end * kernels::kPanelRows);
    for (std::size_t r = 0; r < y.rows(); ++r) {
      float* row = y.row(r);
      for (std::size_t n = chunk.begin * kernels::kPanelRows; n < end; ++n) row[n] += w.bias[n];
    }
  });
}

Tensor NativeContext::linear_parts(const Tensor& x, const ExpertsView& matrices) {
  const std::size_t n_parts = matrices.n_experts, rows = x.rows(), k = matrices.first.k, n = matrices.first.n;
  Tensor by_part = make(n_parts * rows, k);  // part by part, so that one part's rows lie together once quantised
  for (std::size_t p = 0; p < n_parts; ++p) {
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(x.row(r) + p * k, k, by_part.row(p * rows + r));
  }
  Tensor out = make(rows, n_parts * n);
  if (rows == 0) return out;
  const DType type = matrices.first.type;
  if (rounds_for(type)) by_part = rounded(by_part);
  const kernels::ActRows all = activations(by_part, kernels::act_kind(type));
  need_scratch(kernels::matmul_scratch_bytes(k));
  pool_.parallel_for(n_parts, [&](std::size_t p, int worker) {
    kernels::ActRows in = all;
    in.m = rows;
    if (in.kind == kernels::ActKind::kF32) {
      in.values += p * rows * in.value_stride;
    } else {
      const std::size_t scale_block = in.kind == kernels::ActKind::kI8x32 ? 32 : 256;
      const std::size_t sum_block = in.kind == kernels::ActKind::kI8x32 ? 32 : 16;
      in.codes += p * rows * k;
      in.scales += p * rows * (k / scale_block);
      in.sums += p * rows * (k / sum_block);
    }
    const kernels::PackedMatrix w = matrices.expert(p);
    product(w.type)(w, in, 0, w.n_panels(), out.row(0) + p * n, out.stride_, scratch(worker));
  });
  return out;
}

}  // namespace hearth::ops
