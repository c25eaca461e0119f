// Products with float activations: one fused multiply-add per element of K. Included inside a region and a namespace,
// by AVX-512 as such and by AVX-512 with BF16 products.
//
// An output's additions form a chain, so speed comes from many chains at once: C columns times P panels of 16 rows.
// A form of weights and activations is a struct with
//   kElements, kBytes       elements of K that one step takes, 1 or 2, and their bytes for 16 rows
//   load_rows               the 16 rows' weights of a step
//   load_last               where a step takes two: those of the last one of an odd K
//   multiply_add            sums + weights * activation, which is one 4-byte word per step
//   columns                 where a span of columns lies as such words
//   kColumnsBytes, kColumnsLeast  of such words, which stay in the second-level cache; columns, however long
//   column_bytes            of one column

constexpr int kPlainColumns = 12;
constexpr std::size_t kPlainAhead = 4096;  // how far to ask for weights

/// Columns of activations, `stride` words apart.
struct PlainColumns {
  const float* words;
  std::size_t stride;
};

/// Rounded up to an odd number of cache lines: columns so far apart do not share a set of the first-level cache.
constexpr std::size_t odd_lines(std::size_t bytes) {
  return ((bytes + 63) / 64 | 1) * 64;
}

/// acc [P][C][16] = panels [P][k][16] times columns [C].
template <class W, int P, int C>
void multiply_plain(const std::byte* panels, std::size_t k, const float* x, std::size_t stride, float* acc_out) {
  const std::size_t panel_bytes = k * W::kBytes / W::kElements;
  const std::byte* rows[P];
  const float* base[(C + 2) / 3];  // every third column: the others are one or two strides behind, without a register
  __m512 acc[P][C];
  HEARTH_UNROLL
  for (int p = 0; p < P; ++p) rows[p] = panels + p * panel_bytes;
  HEARTH_UNROLL
  for (int i = 0; i < (C + 2) / 3; ++i) base[i] = x + 3 * i * stride;
  HEARTH_UNROLL
  for (int p = 0; p < P; ++p) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) acc[p][c] = _mm512_setzero_ps();
  }
  const std::size_t n_steps = k / W::kElements;
  for (std::size_t i = 0; i < n_steps; ++i) {
    // A line holds one element of F32, two of the others. What lies behind a panel is the next one's and read already.
    if (64 / W::kBytes == 1 || i % 2 == 0) {
      const std::size_t ahead = i * W::kBytes + kPlainAhead;
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) prefetch<64>(rows[p] + ahead + (ahead < panel_bytes ? 0 : (P - 1) * panel_bytes));
    }
    typename W::Rows w[P];
    HEARTH_UNROLL
    for (int p = 0; p < P; ++p) w[p] = W::load_rows(rows[p] + i * W::kBytes);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const float* word = base[c / 3] + (c % 3) * stride + i;
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) acc[p][c] = W::multiply_add(acc[p][c], w[p], word);
    }
  }
  if constexpr (W::kElements == 2) {
    if (k % 2 == 1) {
      HEARTH_UNROLL
      for (int p = 0; p < P; ++p) {
        const typename W::Rows last = W::load_last(rows[p] + n_steps * W::kBytes);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c)
          acc[p][c] = W::multiply_add(acc[p][c], last, base[c / 3] + (c % 3) * stride + n_steps);
      }
    }
  }
  HEARTH_UNROLL
  for (int p = 0; p < P; ++p) {
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) _mm512_store_ps(acc_out + 16 * (C * p + c), acc[p][c]);
  }
}

using PlainFn = void (*)(const std::byte* panels, std::size_t k, const float* x, std::size_t stride, float* acc);

/// Panels at once for a tile of c columns.
constexpr int panels_at_once(int c) {
  return c <= 3 ? 4 : 2;
}

template <class W, int low>
HEARTH_INLINE PlainFn find_plain_fn(std::size_t columns, bool single) {
  if constexpr (low < kPlainColumns) {
    if (columns != low) return find_plain_fn<W, low + 1>(columns, single);
  }
  return single ? multiply_plain<W, 1, low> : multiply_plain<W, panels_at_once(low), low>;
}

template <class W>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  const MatmulCall call = {w, x, panel_begin, panel_end, out, out_stride, scratch};
  alignas(64) float acc[2 * kPlainColumns * 16];
  const std::size_t by_cache = W::kColumnsBytes / W::column_bytes(x.k);
  const std::size_t longest = by_cache > W::kColumnsLeast ? by_cache : W::kColumnsLeast;
  const std::size_t n_spans = (x.m + longest - 1) / longest;
  for (std::size_t s = 0; s < n_spans; ++s) {
    const std::size_t first = x.m * s / n_spans, length = x.m * (s + 1) / n_spans - first;
    const std::size_t n_tiles = (length + kPlainColumns - 1) / kPlainColumns;
    const PlainColumns span = W::columns(x, first, length, scratch);
    const auto group = static_cast<std::size_t>(panels_at_once(static_cast<int>(length)));
    for (std::size_t p = panel_begin; p < panel_end;) {
      const bool single = panel_end - p < group;
      for (std::size_t t = 0; t < n_tiles; ++t) {
        const std::size_t from = length * t / n_tiles, columns = length * (t + 1) / n_tiles - from;
        find_plain_fn<W, 1>(columns, single)(w.panels + p * (x.k * W::kBytes / W::kElements), x.k,
                                             span.words + from * span.stride, span.stride, acc);
        for (std::size_t i = 0; i < (single ? 1 : group); ++i) {
          store_tile(call, acc + 16 * columns * i, columns, 1, first + from, p + i);
        }
      }
      p += single ? 1 : group;
    }
  }
}
