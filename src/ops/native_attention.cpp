// NativeContext: attention over KV blocks. Tasks are (kv head, tile of rows); blocks merge in ascending order.
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

}  // namespace

/// Rows [row_begin, row_begin + n_rows) of a span, all heads of one kv head's group.
struct NativeContext::AttentionTile {
  const AttentionSpec& spec;
  const RowSpan& span;
  std::size_t layer, kv_head, row_begin, n_rows;
  const Tensor& q;
  const Tensor& out;
};

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
  const std::size_t group = spec.n_heads / spec.n_kv_heads;
  const std::size_t n = tile.n_rows * group, v_pad = padded(spec.v_dim);
  Carver carve{scratch(worker)};
  auto* q = carve.take<float>(n * spec.k_dim);
  auto* total = carve.take<float>(n * v_pad);
  auto* acc = carve.take<float>(n * v_pad);
  auto* q_block = carve.take<float>(n * spec.k_dim);
  auto *run_max = carve.take<float>(n), *run_sum = carve.take<float>(n), *max = carve.take<float>(n),
       *sum = carve.take<float>(n);
  auto* slopes = carve.take<float>(n);
  auto *lo = carve.take<std::int32_t>(n), *hi = carve.take<std::int32_t>(n), *distance = carve.take<std::int32_t>(n);
  auto* index = carve.take<std::uint32_t>(n);
  auto* started = carve.take<std::uint8_t>(n);
  std::memset(started, 0, n);

  std::size_t first = SIZE_MAX, last = 0;
  for (std::size_t r = 0; r < tile.n_rows; ++r) {
    const std::size_t row = tile.row_begin + r;
    const Visible v = visible_to(position(row), tile.span, spec);
    first = std::min(first, v.begin);
    last = std::max(last, v.end);
    std::memcpy(q + r * group * spec.k_dim, tile.q.row(row) + tile.kv_head * group * spec.k_dim,
                group * spec.k_dim * sizeof(float));
  }
  kernels::AttentionBlock block{.type = options_.state->type(),
                                .k_dim = spec.k_dim,
                                .v_dim = spec.v_dim,
                                .q_stride = spec.k_dim,
                                .lo = lo,
                                .hi = hi,
                                .scale = spec.scale,
                                .soft_cap = spec.soft_cap,
                                .slopes = spec.alibi_slopes.empty() ? nullptr : slopes,
                                .query_minus_block = distance,
                                .max = max,
                                .sum = sum,
                                .acc = acc,
                                .acc_stride = v_pad};
  for (std::size_t b = first / kernels::kAttentionBlock; b * kernels::kAttentionBlock < last; ++b) {
    const std::size_t begin = b * kernels::kAttentionBlock;
    std::size_t n_seeing = 0;  // rows that see something of this block, gathered to the front
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t pos = position(tile.row_begin + i / group);
      const Visible v = visible_to(pos, tile.span, spec);
      const std::size_t from = std::max(v.begin, begin), to = std::min(v.end, begin + kernels::kAttentionBlock);
      if (from >= to) continue;
      lo[n_seeing] = static_cast<std::int32_t>(from - begin);
      hi[n_seeing] = static_cast<std::int32_t>(to - begin);
      distance[n_seeing] =
          static_cast<std::int32_t>(static_cast<std::ptrdiff_t>(pos) - static_cast<std::ptrdiff_t>(begin));
      if (!spec.alibi_slopes.empty()) slopes[n_seeing] = spec.alibi_slopes[tile.kv_head * group + i % group];
      std::memcpy(q_block + n_seeing * spec.k_dim, q + i * spec.k_dim, spec.k_dim * sizeof(float));
      index[n_seeing++] = static_cast<std::uint32_t>(i);
    }
    if (n_seeing == 0) continue;
    block.keys = options_.state->keys(tile.span.blocks[b], tile.layer, tile.kv_head);
    block.values = options_.state->values(tile.span.blocks[b], tile.layer, tile.kv_head);
    block.q = q_block;
    block.n_rows = n_seeing;
    kernels_.attention(block, carve.at);
    for (std::size_t s = 0; s < n_seeing; ++s) {
      const std::size_t i = index[s];
      if (started[i]) {
        kernels_.attention_merge(run_max[i], run_sum[i], total + i * v_pad, max[s], sum[s], acc + s * v_pad,
                                 spec.v_dim);
      } else {
        run_max[i] = max[s];
        run_sum[i] = sum[s];
        std::memcpy(total + i * v_pad, acc + s * v_pad, spec.v_dim * sizeof(float));
        started[i] = 1;
      }
    }
  }
  std::memset(acc, 0, v_pad * sizeof(float));  // a sink holds no values
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t head = tile.kv_head * group + i % group;
    if (!spec.sinks.empty())
      kernels_.attention_merge(run_max[i], run_sum[i], total + i * v_pad, spec.sinks[head], 1.0f, acc, spec.v_dim);
    kernels_.attention_finish(total + i * v_pad, run_sum[i],
                              tile.out.row(tile.row_begin + i / group) + head * spec.v_dim, spec.v_dim);
  }
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
  return out;
}

}  // namespace hearth::ops
