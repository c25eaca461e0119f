// NativeContext: attention over KV blocks. Tasks are (kv head, tile of rows); blocks merge in ascending order.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/native_context.h"

namespace hearth::ops {

namespace {

constexpr std::size_t kTileRows = 64;  // query rows x heads of a group that share one pass over the keys

constexpr std::size_t padded(std::size_t dim) {
  return (dim + 15) / 16 * 16;
}

/// Positions [begin, end) that the query at `position` sees.
struct Visible {
  std::size_t begin, end;
};

Visible visible_to(std::size_t position, const RowSpan& span, const AttentionSpec& spec) {
  const bool causal = span.mask == RowSpan::Mask::kCausal;
  Visible v{0, causal ? position + 1 : span.visible_end};
  if (spec.window > 0) {
    v.begin = position + 1 > spec.window ? position + 1 - spec.window : 0;
    if (!causal) v.end = std::min(v.end, position + spec.window_ahead + 1);
  }
  return v;
}

/// Carves arrays out of a worker's scratch.
struct Carver {
  std::byte* at;
  template <typename T>
  T* take(std::size_t n) {
    T* array = reinterpret_cast<T*>(at);
    at += (n * sizeof(T) + 63) / 64 * 64;
    return array;
  }
};

/// A worker's arrays for the n query rows of one tile.
struct TileArrays {
  TileArrays(std::byte* scratch, std::size_t n, const AttentionSpec& spec);

  // The running result of each row.
  float *q, *total, *total_max, *total_sum;
  std::uint8_t* started;
  // The rows that see something of the block at hand, gathered to the front, and their result for it.
  float *block_q, *acc, *max, *sum, *slopes;
  std::int32_t *lo, *hi, *distance;
  std::uint32_t* index;
  std::byte* rest;
};

TileArrays::TileArrays(std::byte* scratch, std::size_t n, const AttentionSpec& spec) {
  Carver carve{scratch};
  for (float** array : {&q, &block_q}) *array = carve.take<float>(n * spec.k_dim);
  for (float** array : {&total, &acc}) *array = carve.take<float>(n * padded(spec.v_dim));
  for (float** array : {&total_max, &total_sum, &max, &sum, &slopes}) *array = carve.take<float>(n);
  for (std::int32_t** array : {&lo, &hi, &distance}) *array = carve.take<std::int32_t>(n);
  index = carve.take<std::uint32_t>(n);
  started = carve.take<std::uint8_t>(n);
  rest = carve.at;
  std::memset(started, 0, n);
}

}  // namespace

/// Rows [row_begin, row_begin + n_rows) of a span, all heads of one kv head's group.
struct NativeContext::AttentionTile {
  const AttentionSpec& spec;
  const RowSpan& span;
  std::size_t layer, kv_head, row_begin, n_rows;
  const Tensor& q;
  const Tensor& out;

  [[nodiscard]] std::size_t group() const { return spec.n_heads / spec.n_kv_heads; }
  [[nodiscard]] std::size_t position(std::size_t row) const { return span.position_begin + row - span.row_begin; }
  [[nodiscard]] Visible visible(std::size_t row) const { return visible_to(position(row), span, spec); }
  std::size_t gather(TileArrays& a, std::size_t block_begin) const;
  void merge(TileArrays& a, std::size_t n_seeing, const kernels::KernelTable& kernels) const;
  void finish(TileArrays& a, const kernels::KernelTable& kernels) const;
};

/// The number of rows that see something of the block of keys at `block_begin`.
std::size_t NativeContext::AttentionTile::gather(TileArrays& a, std::size_t block_begin) const {
  const auto offset = [&](std::size_t pos) {
    return static_cast<std::int32_t>(static_cast<std::ptrdiff_t>(pos) - static_cast<std::ptrdiff_t>(block_begin));
  };
  std::size_t n_seeing = 0;
  for (std::size_t i = 0; i < n_rows * group(); ++i) {
    const std::size_t row = row_begin + i / group();
    const Visible v = visible(row);
    const std::size_t from = std::max(v.begin, block_begin),
                      to = std::min(v.end, block_begin + kernels::kAttentionBlock);
    if (from >= to) continue;
    a.lo[n_seeing] = offset(from);
    a.hi[n_seeing] = offset(to);
    a.distance[n_seeing] = offset(position(row));
    if (!spec.alibi_slopes.empty()) a.slopes[n_seeing] = spec.alibi_slopes[kv_head * group() + i % group()];
    std::memcpy(a.block_q + n_seeing * spec.k_dim, a.q + i * spec.k_dim, spec.k_dim * sizeof(float));
    a.index[n_seeing++] = static_cast<std::uint32_t>(i);
  }
  return n_seeing;
}

void NativeContext::AttentionTile::merge(TileArrays& a, std::size_t n_seeing,
                                         const kernels::KernelTable& kernels) const {
  const std::size_t v_pad = padded(spec.v_dim);
  for (std::size_t s = 0; s < n_seeing; ++s) {
    const std::size_t i = a.index[s];
    if (a.started[i]) {
      kernels.attention_merge(a.total_max[i], a.total_sum[i], a.total + i * v_pad, a.max[s], a.sum[s],
                              a.acc + s * v_pad, spec.v_dim);
    } else {
      a.total_max[i] = a.max[s];
      a.total_sum[i] = a.sum[s];
      std::memcpy(a.total + i * v_pad, a.acc + s * v_pad, spec.v_dim * sizeof(float));
      a.started[i] = 1;
    }
  }
}

void NativeContext::AttentionTile::finish(TileArrays& a, const kernels::KernelTable& kernels) const {
  const std::size_t v_pad = padded(spec.v_dim);
  std::memset(a.acc, 0, v_pad * sizeof(float));  // a sink holds no values
  for (std::size_t i = 0; i < n_rows * group(); ++i) {
    const std::size_t head = kv_head * group() + i % group();
    float* total = a.total + i * v_pad;
    if (!spec.sinks.empty())
      kernels.attention_merge(a.total_max[i], a.total_sum[i], total, spec.sinks[head], 1.0f, a.acc, spec.v_dim);
    kernels.attention_finish(total, a.total_sum[i], out.row(row_begin + i / group()) + head * spec.v_dim, spec.v_dim);
  }
}

void NativeContext::store_kv(std::size_t layer, const RowSpan& span, const Tensor& k, const Tensor& v,
                             const AttentionSpec& spec) {
  const StateLayout& state = *options_.state;
  for_rows(span.n_rows, k.cols() + v.cols(), [&](std::size_t r) {
    const std::size_t row = span.row_begin + r, pos = span.position_begin + r;
    std::byte* block = span.blocks[pos / kernels::kAttentionBlock];
    for (std::size_t head = 0; head < spec.n_kv_heads; ++head) {
      const std::size_t in_block = pos % kernels::kAttentionBlock;
      kernels_.store_key(state.type(), spec.k_dim, in_block, k.row(row) + head * spec.k_dim,
                         state.keys(block, layer, head));
      kernels_.store_value(state.type(), spec.v_dim, in_block, v.row(row) + head * spec.v_dim,
                           state.values(block, layer, head));
    }
  });
}

void NativeContext::attend(const AttentionTile& tile, int worker) {
  const AttentionSpec& spec = tile.spec;
  const std::size_t group = tile.group();
  TileArrays a(scratch(worker), tile.n_rows * group, spec);
  std::size_t first = SIZE_MAX, last = 0;
  for (std::size_t r = 0; r < tile.n_rows; ++r) {
    const Visible v = tile.visible(tile.row_begin + r);
    first = std::min(first, v.begin);
    last = std::max(last, v.end);
    std::memcpy(a.q + r * group * spec.k_dim, tile.q.row(tile.row_begin + r) + tile.kv_head * group * spec.k_dim,
                group * spec.k_dim * sizeof(float));
  }
  kernels::AttentionBlock block{.type = options_.state->type(),
                                .k_dim = spec.k_dim,
                                .v_dim = spec.v_dim,
                                .q = a.block_q,
                                .q_stride = spec.k_dim,
                                .lo = a.lo,
                                .hi = a.hi,
                                .scale = spec.scale,
                                .soft_cap = spec.soft_cap,
                                .slopes = spec.alibi_slopes.empty() ? nullptr : a.slopes,
                                .query_minus_block = a.distance,
                                .max = a.max,
                                .sum = a.sum,
                                .acc = a.acc,
                                .acc_stride = padded(spec.v_dim)};
  for (std::size_t b = first / kernels::kAttentionBlock; b * kernels::kAttentionBlock < last; ++b) {
    block.n_rows = tile.gather(a, b * kernels::kAttentionBlock);
    if (block.n_rows == 0) continue;
    block.keys = options_.state->keys(tile.span.blocks[b], tile.layer, tile.kv_head);
    block.values = options_.state->values(tile.span.blocks[b], tile.layer, tile.kv_head);
    kernels_.attention(block, a.rest);
    tile.merge(a, block.n_rows, kernels_);
  }
  tile.finish(a, kernels_);
}

Tensor NativeContext::attention(std::size_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                                const AttentionSpec& spec) {
  const std::size_t group = spec.n_heads / spec.n_kv_heads;
  const std::size_t rows_each = std::max<std::size_t>(1, kTileRows / group);
  const std::size_t n = rows_each * group, v_pad = padded(spec.v_dim);
  need_scratch(n * (2 * spec.k_dim + 2 * v_pad + 16) * sizeof(float) + 16 * 64 +
               kernels::attention_scratch_bytes(n, spec.k_dim, v_pad));
  Tensor out = make(q.rows(), spec.n_heads * spec.v_dim);
  std::vector<AttentionTile> tiles;
  for (const RowSpan& span : batch_.spans) {
    if (k) store_kv(layer, span, k, v, spec);
    for (std::size_t head = 0; head < spec.n_kv_heads; ++head) {
      for (std::size_t r = 0; r < span.n_rows; r += rows_each) {
        tiles.push_back({spec, span, layer, head, span.row_begin + r, std::min(rows_each, span.n_rows - r), q, out});
      }
    }
  }
  pool_.parallel_for(tiles.size(), [&](std::size_t tile, int worker) { attend(tiles[tile], worker); });
  if (std::ranges::find(options_.observed_attention, layer) != options_.observed_attention.end()) {
    for (const RowSpan& span : batch_.spans) {
      for (const std::size_t row : batch_.wanted_rows) {
        if (row >= span.row_begin && row < span.row_begin + span.n_rows) show_attention(layer, span, row, q, spec);
      }
    }
  }
  return out;
}

/// The attention kernel itself gives the scores: over one position alone, the maximum is that position's.
void NativeContext::show_attention(std::size_t layer, const RowSpan& span, std::size_t row, const Tensor& q,
                                   const AttentionSpec& spec) {
  constexpr std::size_t kAtOnce = 16;
  const std::size_t position = span.position_begin + row - span.row_begin;
  const Visible v = visible_to(position, span, spec);
  const std::size_t v_pad = padded(spec.v_dim), n_positions = std::max(v.end, position + 1);
  need_scratch(kernels::attention_scratch_bytes(kAtOnce, spec.k_dim, v_pad));
  std::vector<float> weights(spec.n_heads * n_positions), acc(kAtOnce * v_pad), sum(kAtOnce), slopes(kAtOnce);
  std::vector<std::int32_t> lo(kAtOnce), hi(kAtOnce), distance(kAtOnce);
  for (std::size_t head = 0; head < spec.n_heads; ++head) {
    float* of_head = weights.data() + head * n_positions;
    const std::size_t kv_head = head / (spec.n_heads / spec.n_kv_heads);
    if (!spec.alibi_slopes.empty()) std::ranges::fill(slopes, spec.alibi_slopes[head]);
    for (std::size_t at = v.begin; at < v.end;) {
      const std::size_t block_idx = at / kernels::kAttentionBlock, block_begin = block_idx * kernels::kAttentionBlock;
      const std::size_t n = std::min({kAtOnce, v.end - at, block_begin + kernels::kAttentionBlock - at});
      for (std::size_t i = 0; i < n; ++i) {
        lo[i] = static_cast<std::int32_t>(at + i - block_begin);
        hi[i] = lo[i] + 1;
        distance[i] =
            static_cast<std::int32_t>(static_cast<std::ptrdiff_t>(position) - static_cast<std::ptrdiff_t>(block_begin));
      }
      kernels_.attention({.type = options_.state->type(),
                          .k_dim = spec.k_dim,
                          .v_dim = spec.v_dim,
                          .keys = options_.state->keys(span.blocks[block_idx], layer, kv_head),
                          .values = options_.state->values(span.blocks[block_idx], layer, kv_head),
                          .n_rows = n,
                          .q = q.row(row) + head * spec.k_dim,
                          .q_stride = 0,
                          .lo = lo.data(),
                          .hi = hi.data(),
                          .scale = spec.scale,
                          .soft_cap = spec.soft_cap,
                          .slopes = spec.alibi_slopes.empty() ? nullptr : slopes.data(),
                          .query_minus_block = distance.data(),
                          .max = of_head + at,
                          .sum = sum.data(),
                          .acc = acc.data(),
                          .acc_stride = v_pad},
                         scratch(0));
      at += n;
    }
    const std::span<float> seen(of_head + v.begin, v.end - v.begin);
    float most = *std::ranges::max_element(seen);
    if (!spec.sinks.empty()) most = std::max(most, spec.sinks[head]);
    double total = spec.sinks.empty() ? 0.0 : std::exp(static_cast<double>(spec.sinks[head] - most));
    for (const float score : seen) total += std::exp(static_cast<double>(score - most));
    for (float& score : seen) score = static_cast<float>(std::exp(static_cast<double>(score - most)) / total);
  }
  options_.observe_attention(layer, batch_.row_offset + row, spec.n_heads, weights);
}

}  // namespace hearth::ops
