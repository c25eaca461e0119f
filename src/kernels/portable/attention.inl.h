// Attention over one block of 256 positions, at the speed of a matrix product: included after math.inl.h in each
// instruction set's region and namespace.
//
// Scores: lanes are the 16 positions of a tile, R query rows x T tiles of accumulators in registers, dimensions
// ascending. Values: lanes are 16 dimensions, R rows x C vectors in registers, positions ascending; each row only over
// its own [lo, hi), because a masked or unwritten value may be anything and 0 * NaN is NaN. Many rows first turn
// keys and values into float panels in scratch; few rows convert as they go.

inline constexpr int kMaxRows = 6;                     // query rows in flight
inline constexpr std::size_t kPanelTiles = 4;          // tiles of keys that many rows share in the first cache
inline constexpr std::size_t kFewRows = 2 * kMaxRows;  // up to here nothing is turned into panels

template <KvType type>
struct Stored;
template <>
struct Stored<KvType::kF16> {
  using Element = std::uint16_t;
};
template <>
struct Stored<KvType::kF32> {
  using Element = float;
};
template <>
struct Stored<KvType::kQ8_0> {
  using Element = std::int8_t;
};

// ---- scores

/// Tiles from `first` on: elements tile by tile [dim][16], scales (Q8_0) tile by tile [groups][16].
struct Keys {
  const std::byte* elements;
  const std::uint16_t* scales;
  std::size_t first;
};

/// scores[r][16 * t ...] of T tiles from `tile` on, for R rows.
template <KvType type, int R, int T>
void score_tiles(const AttentionBlock& b, const Keys& keys, std::size_t tile, const float* q, float* scores) {
  using Element = typename Stored<type>::Element;
  constexpr bool kScaled = type == KvType::kQ8_0;
  const std::size_t dim = b.k_dim, n_groups = kv_groups(dim), stride = b.q_stride;
  const auto* k = reinterpret_cast<const Element*>(keys.elements) + (tile - keys.first) * dim * 16;
  Lanes acc[R][T];
  HEARTH_UNROLL
  for (int r = 0; r < R; ++r) {
    HEARTH_UNROLL
    for (int t = 0; t < T; ++t) acc[r][t] = set(0.0f);
  }
  for (std::size_t begin = 0, g = 0; begin < dim; ++g) {
    const std::size_t end = kScaled && begin + kKvGroup < dim ? begin + kKvGroup : dim;
    Lanes scale[T];
    if constexpr (kScaled) {
      HEARTH_UNROLL
      for (int t = 0; t < T; ++t) scale[t] = load_any(keys.scales + ((tile - keys.first + t) * n_groups + g) * 16);
    }
    for (std::size_t d = begin; d < end; ++d) {
      HEARTH_UNROLL
      for (int t = 0; t < T; ++t) {
        Lanes key = load_any(k + (t * dim + d) * 16);
        if constexpr (kScaled) key = scale[t] * key;
        HEARTH_UNROLL
        for (int r = 0; r < R; ++r) acc[r][t] = fma(set(q[r * stride + d]), key, acc[r][t]);
      }
    }
    begin = end;
  }
  HEARTH_UNROLL
  for (int r = 0; r < R; ++r) {
    HEARTH_UNROLL
    for (int t = 0; t < T; ++t) {
      store(scores + r * kAttentionBlock + (tile + t) * 16, acc[r][t] * set(b.scale));
    }
  }
}

template <KvType type, int R>
void score_rows(const AttentionBlock& b, const Keys& keys, std::size_t tile, std::size_t tile_end, const float* q,
                float* scores) {
  constexpr int T = kTilesBeside<R>;
  for (; tile + T <= tile_end; tile += T) score_tiles<type, R, T>(b, keys, tile, q, scores);
  if constexpr (T >= 4) {
    for (; tile + 2 <= tile_end; tile += 2) score_tiles<type, R, 2>(b, keys, tile, q, scores);
  }
  for (; tile < tile_end; ++tile) score_tiles<type, R, 1>(b, keys, tile, q, scores);
}

using ScoreRows = void (*)(const AttentionBlock&, const Keys&, std::size_t, std::size_t, const float*, float*);

// ---- softmax of one row of scores

HEARTH_INLINE Lanes distances(std::int32_t first) {
  float distance[16];
  for (int l = 0; l < 16; ++l) distance[l] = static_cast<float>(first + l);
  return load(distance);
}

/// Scores become probabilities relative to the row's maximum, in place; positions outside [lo, hi) become 0.
HEARTH_INLINE void soften(const AttentionBlock& b, std::size_t row, float* s) {
  const auto lo = static_cast<std::size_t>(b.lo[row]), hi = static_cast<std::size_t>(b.hi[row]);
  const Lanes none = set(-__builtin_inff());
  Lanes most = none;
  for (std::size_t j = lo / 16 * 16; j < hi; j += 16) {
    Lanes x = load(s + j);
    if (b.soft_cap != 0.0f) x = set(b.soft_cap) * tanh(x / set(b.soft_cap));
    if (b.slopes != nullptr) {
      const auto first = static_cast<std::int32_t>(j) - b.query_minus_block[row];
      x = fma(set(b.slopes[row]), distances(first), x);
    }
    if (j < lo || j + 16 > hi) x = select(lane_range(j < lo ? lo - j : 0, j + 16 > hi ? hi - j : 16), x, none);
    store(s + j, x);
    most = larger(x, most);
  }
  const float m = max_lanes(most);
  Lanes sum = set(0.0f);
  for (std::size_t j = lo / 16 * 16; j < hi; j += 16) {
    const Lanes p = exp_nonpositive(load(s + j) - set(m));
    store(s + j, p);
    sum = sum + p;
  }
  b.max[row] = m;
  b.sum[row] = sum_lanes(sum);
}

// ---- probabilities times values

/// values: position by position `stride` elements; scales (Q8_0): position by position one per 32 dimensions.
struct Values {
  const std::byte* elements;
  const std::uint16_t* scales;
  std::size_t stride;
};

/// acc[r][16 * column ...] += p * v over positions [lo, hi), C vectors; the last may be cut short by v_dim.
template <KvType type, int R, int C>
void add_columns(const AttentionBlock& b, const Values& values, std::size_t column, std::size_t lo, std::size_t hi,
                 const float* p, float* acc) {
  using Element = typename Stored<type>::Element;
  const std::size_t stride = values.stride, n_groups = kv_groups(stride);
  const auto* v = reinterpret_cast<const Element*>(values.elements) + column * 16;
  const std::size_t last = b.v_dim - (column + C - 1) * 16;  // dimensions in the last vector
  acc += column * 16;
  Lanes sum[R][C];
  HEARTH_UNROLL
  for (int r = 0; r < R; ++r) {
    HEARTH_UNROLL
    for (int c = 0; c < C - 1; ++c) sum[r][c] = load(acc + r * b.acc_stride + c * 16);
    const float* end = acc + r * b.acc_stride + (C - 1) * 16;
    sum[r][C - 1] = last < 16 ? load_part(end, last) : load(end);
  }
  for (std::size_t j = lo; j < hi; ++j) {
    Lanes scale = set(0.0f);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      Lanes value = load_any(v + j * stride + c * 16);
      if constexpr (type == KvType::kQ8_0) {
        // two vectors share a scale; the first column is even wherever C > 1
        if (c % 2 == 0) scale = set(half_to_float(values.scales[j * n_groups + (column + c) / 2]));
        value = scale * value;
      }
      HEARTH_UNROLL
      for (int r = 0; r < R; ++r) sum[r][c] = fma(set(p[r * kAttentionBlock + j]), value, sum[r][c]);
    }
  }
  HEARTH_UNROLL
  for (int r = 0; r < R; ++r) {
    HEARTH_UNROLL
    for (int c = 0; c < C - 1; ++c) store(acc + r * b.acc_stride + c * 16, sum[r][c]);
    float* end = acc + r * b.acc_stride + (C - 1) * 16;
    if (last < 16) {
      store_part(end, sum[r][C - 1], last);
    } else {
      store(end, sum[r][C - 1]);
    }
  }
}

inline constexpr std::size_t kValuePositions = 64;  // whose values all columns use while the first cache holds them

template <KvType type, int R>
void add_values(const AttentionBlock& b, const Values& values, std::size_t lo, std::size_t hi, const float* p,
                float* acc) {
  constexpr int C = kColumnsBeside<R>;
  const std::size_t n_columns = (b.v_dim + 15) / 16;
  for (std::size_t from = lo, to = 0; from < hi; from = to) {
    to = hi - from > kValuePositions ? from + kValuePositions : hi;
    std::size_t column = 0;
    for (; column + C <= n_columns; column += C) add_columns<type, R, C>(b, values, column, from, to, p, acc);
    if constexpr (C > 4) {
      for (; column + 4 <= n_columns; column += 4) add_columns<type, R, 4>(b, values, column, from, to, p, acc);
    }
    if constexpr (C > 2) {
      for (; column + 2 <= n_columns; column += 2) add_columns<type, R, 2>(b, values, column, from, to, p, acc);
    }
    for (; column < n_columns; ++column) add_columns<type, R, 1>(b, values, column, from, to, p, acc);
  }
}

using AddValues = void (*)(const AttentionBlock&, const Values&, std::size_t, std::size_t, const float*, float*);

struct Kernels {
  ScoreRows score[kMaxRows];
  AddValues add[kMaxRows];
};
template <KvType type>
inline constexpr Kernels kKernels = {{score_rows<type, 1>, score_rows<type, 2>, score_rows<type, 3>,
                                      score_rows<type, 4>, score_rows<type, 5>, score_rows<type, 6>},
                                     {add_values<type, 1>, add_values<type, 2>, add_values<type, 3>,
                                      add_values<type, 4>, add_values<type, 5>, add_values<type, 6>}};

HEARTH_INLINE const Kernels& kernels_of(KvType type) {
  return type == KvType::kF16   ? kKernels<KvType::kF16>
         : type == KvType::kF32 ? kKernels<KvType::kF32>
                                : kKernels<KvType::kQ8_0>;
}

/// Rows in the order of their positions see overlapping intervals: what all of them see runs together, the rest row by
/// row before and after it, so that every row's chain ascends.
HEARTH_INLINE void add_group(const AttentionBlock& b, const Kernels& kernels, const Values& values, std::size_t row,
                             int n_rows, const float* p) {
  float* acc = b.acc + row * b.acc_stride;
  std::int32_t from = b.lo[row], to = b.hi[row];
  for (int r = 1; r < n_rows; ++r) {
    from = b.lo[row + r] > from ? b.lo[row + r] : from;
    to = b.hi[row + r] < to ? b.hi[row + r] : to;
  }
  const bool together = from < to;
  for (int r = 0; r < n_rows; ++r) {
    const std::int32_t lo = b.lo[row + r], end = together ? from : b.hi[row + r];
    if (lo < end) {
      kernels.add[0](b, values, static_cast<std::size_t>(lo), static_cast<std::size_t>(end), p + r * kAttentionBlock,
                     acc + r * b.acc_stride);
    }
  }
  if (!together) return;
  kernels.add[n_rows - 1](b, values, static_cast<std::size_t>(from), static_cast<std::size_t>(to), p, acc);
  for (int r = 0; r < n_rows; ++r) {
    if (to < b.hi[row + r]) {
      kernels.add[0](b, values, static_cast<std::size_t>(to), static_cast<std::size_t>(b.hi[row + r]),
                     p + r * kAttentionBlock, acc + r * b.acc_stride);
    }
  }
}

// ---- panels

/// n_tiles tiles of keys as floats.
template <KvType type>
void keys_to_panel(const AttentionBlock& b, std::size_t tile, std::size_t tile_end, float* panel) {
  using Element = typename Stored<type>::Element;
  const auto* keys = reinterpret_cast<const Element*>(b.keys);
  for (; tile < tile_end; ++tile) {
    for (std::size_t d = 0; d < b.k_dim; ++d, panel += 16) {
      Lanes key = load_any(keys + (tile * b.k_dim + d) * 16);
      if constexpr (type == KvType::kQ8_0) {
        const std::uint16_t* scales = kv_scales(b.keys, b.k_dim);
        key = load_any(scales + (tile * kv_groups(b.k_dim) + d / kKvGroup) * 16) * key;
      }
      store(panel, key);
    }
  }
}

/// Values of positions [lo, hi) as floats, each position padded to whole vectors.
template <KvType type>
void values_to_panel(const AttentionBlock& b, std::size_t lo, std::size_t hi, float* panel) {
  using Element = typename Stored<type>::Element;
  const std::size_t dim = b.v_dim, padded = (dim + 15) / 16 * 16;
  for (std::size_t j = lo; j < hi; ++j) {
    const auto* v = reinterpret_cast<const Element*>(b.values) + j * dim;
    for (std::size_t d = 0; d < dim; d += 16) {
      Element rest[16] = {};
      const bool whole = d + 16 <= dim;
      if (!whole) __builtin_memcpy(rest, v + d, (dim - d) * sizeof(Element));
      Lanes value = load_any(whole ? v + d : rest);
      if constexpr (type == KvType::kQ8_0) {
        value = set(half_to_float(kv_scales(b.values, dim)[j * kv_groups(dim) + d / kKvGroup])) * value;
      }
      store(panel + j * padded + d, value);
    }
  }
}

HEARTH_INLINE void keys_to_panel_of(const AttentionBlock& b, std::size_t tile, std::size_t tile_end, float* panel) {
  if (b.type == KvType::kF16) return keys_to_panel<KvType::kF16>(b, tile, tile_end, panel);
  keys_to_panel<KvType::kQ8_0>(b, tile, tile_end, panel);
}
HEARTH_INLINE void values_to_panel_of(const AttentionBlock& b, std::size_t lo, std::size_t hi, float* panel) {
  if (b.type == KvType::kF16) return values_to_panel<KvType::kF16>(b, lo, hi, panel);
  if (b.type == KvType::kF32) return values_to_panel<KvType::kF32>(b, lo, hi, panel);
  values_to_panel<KvType::kQ8_0>(b, lo, hi, panel);
}

/// Rows of the next group: near-equal groups of at most kMaxRows.
HEARTH_INLINE int group_rows(std::size_t rows_left) {
  const std::size_t n_groups = (rows_left + kMaxRows - 1) / kMaxRows;
  return static_cast<int>((rows_left + n_groups - 1) / n_groups);
}

/// scratch: scores [n_rows][256] | key panel [4 tiles][k_dim][16] | value panel [256][v_dim padded]
void attention(const AttentionBlock& b, std::byte* scratch) {
  auto* scores = reinterpret_cast<float*>(scratch);
  float* key_panel = scores + b.n_rows * kAttentionBlock;
  float* value_panel = key_panel + kPanelTiles * 16 * b.k_dim;
  std::size_t lo = kAttentionBlock, hi = 0;
  for (std::size_t row = 0; row < b.n_rows; ++row) {
    lo = static_cast<std::size_t>(b.lo[row]) < lo ? static_cast<std::size_t>(b.lo[row]) : lo;
    hi = static_cast<std::size_t>(b.hi[row]) > hi ? static_cast<std::size_t>(b.hi[row]) : hi;
    for (std::size_t d = 0; d < b.v_dim; ++d) b.acc[row * b.acc_stride + d] = 0.0f;
  }

  const bool many = b.n_rows > kFewRows;
  const bool key_panels = many && b.type != KvType::kF32;
  const std::size_t tile_end = (hi + 15) / 16, step = many ? kPanelTiles : tile_end;
  const Kernels& key_kernels = key_panels ? kKernels<KvType::kF32> : kernels_of(b.type);
  for (std::size_t tile = lo / 16; tile < tile_end; tile += step) {
    const std::size_t end = tile + step < tile_end ? tile + step : tile_end;
    Keys keys = {b.keys, kv_scales(b.keys, b.k_dim), 0};
    if (key_panels) {
      keys_to_panel_of(b, tile, end, key_panel);
      keys = {reinterpret_cast<const std::byte*>(key_panel), nullptr, tile};
    }
    for (std::size_t row = 0; row < b.n_rows;) {
      const int n = group_rows(b.n_rows - row);
      key_kernels.score[n - 1](b, keys, tile, end, b.q + row * b.q_stride, scores + row * kAttentionBlock);
      row += static_cast<std::size_t>(n);
    }
  }
  for (std::size_t row = 0; row < b.n_rows; ++row) soften(b, row, scores + row * kAttentionBlock);

  Values values = {b.values, kv_scales(b.values, b.v_dim), b.v_dim};
  const bool value_panels = (many && b.type != KvType::kF32) || b.v_dim % 16 != 0;
  const Kernels& value_kernels = value_panels ? kKernels<KvType::kF32> : kernels_of(b.type);
  if (value_panels) {
    values_to_panel_of(b, lo, hi, value_panel);
    values = {reinterpret_cast<const std::byte*>(value_panel), nullptr, (b.v_dim + 15) / 16 * 16};
  }
  for (std::size_t row = 0; row < b.n_rows;) {
    const int n = group_rows(b.n_rows - row);
    add_group(b, value_kernels, values, row, n, scores + row * kAttentionBlock);
    row += static_cast<std::size_t>(n);
  }
}

// ---- merging, and storing keys and values

HEARTH_INLINE float exp_of(float x) {
  return first_lane(exp_nonpositive(set(x)));
}

void attention_merge(float& run_max, float& run_sum, float* run_acc, float max, float sum, const float* acc,
                     std::size_t dim) {
  const float both = max > run_max ? max : run_max;
  const float f = exp_of(run_max - both), g = exp_of(max - both);
  run_max = both;
  run_sum = __builtin_fmaf(sum, g, run_sum * f);
  std::size_t d = 0;
  for (; d + 16 <= dim; d += 16) store(run_acc + d, fma(load(acc + d), set(g), load(run_acc + d) * set(f)));
  if (d < dim) {
    const std::size_t n = dim - d;
    store_part(run_acc + d, fma(load_part(acc + d, n), set(g), load_part(run_acc + d, n) * set(f)), n);
  }
}

void attention_finish(const float* acc, float sum, float* out, std::size_t dim) {
  const Lanes inverse = set(1.0f / sum), zero = set(0.0f);
  std::size_t d = 0;
  for (; d + 16 <= dim; d += 16) store(out + d, fma(load(acc + d), inverse, zero));
  if (d < dim) store_part(out + d, fma(load_part(acc + d, dim - d), inverse, zero), dim - d);
}

/// x held inside [-limit, limit]; NaN stays NaN.
HEARTH_INLINE Lanes held(Lanes x, float limit) {
  const Lanes top = set(limit), bottom = set(-limit);
  return select(gt(x, top), top, select(gt(bottom, x), bottom, x));
}

/// The next n <= 16 elements of a vector.
HEARTH_INLINE Lanes load_some(const float* p, std::size_t n) {
  return n < 16 ? load_part(p, n) : load(p);
}

/// Elements of one position, `step` apart, from 16 of them side by side.
template <typename Element>
HEARTH_INLINE void spread(const Element* from, std::size_t n, Element* to, std::size_t step) {
  if (step == 1) {
    __builtin_memcpy(to, from, n * sizeof(Element));
    return;
  }
  for (std::size_t i = 0; i < n; ++i) to[i * step] = from[i];
}

/// One group of at most 32 dimensions: 16-wide codes spread to `to`, the scale returned.
HEARTH_INLINE std::uint16_t store_group(const float* x, std::size_t n, std::int8_t* to, std::size_t step) {
  Lanes most = set(0.0f);
  bool broken = false;
  for (std::size_t d = 0; d < n; d += 16) {
    const Lanes v = load_some(x + d, n - d);
    broken = broken || any(is_nan(v));
    most = larger(abs(v), most);
  }
  const KvScale scale = kv_scale(broken ? __builtin_nanf("") : max_lanes(most));
  for (std::size_t d = 0; d < n; d += 16) {
    const std::size_t m = n - d < 16 ? n - d : 16;
    std::int8_t codes[16] = {};
    if (scale.inverse != 0.0f) {
      store_low_bytes(codes, held(load_some(x + d, m) * set(scale.inverse), 127.0f) + set(0x1.8p23f));
    }
    spread(codes, m, to + d * step, step);
  }
  return scale.half;
}

/// Elements and scales of the position stand at `first` and `first_scale`, `step` apart.
HEARTH_INLINE void store_vector(KvType type, std::size_t dim, const float* x, std::byte* block, std::size_t first,
                                std::size_t first_scale, std::size_t step) {
  if (type == KvType::kQ8_0) {
    auto* codes = reinterpret_cast<std::int8_t*>(block) + first;
    std::uint16_t* scales = kv_scales(block, dim) + first_scale;
    for (std::size_t g = 0; g < kv_groups(dim); ++g) {
      const std::size_t d = g * kKvGroup, n = dim - d < kKvGroup ? dim - d : kKvGroup;
      scales[g * step] = store_group(x + d, n, codes + d * step, step);
    }
    return;
  }
  if (type == KvType::kF32) return spread(x, dim, reinterpret_cast<float*>(block) + first, step);
  for (std::size_t d = 0; d < dim; d += 16) {
    const std::size_t n = dim - d < 16 ? dim - d : 16;
    std::uint16_t halves[16];
    store_half(halves, held(load_some(x + d, n), 65504.0f));
    spread(halves, n, reinterpret_cast<std::uint16_t*>(block) + first + d * step, step);
  }
}

void store_key(KvType type, std::size_t dim, std::size_t position, const float* vector, std::byte* block) {
  store_vector(type, dim, vector, block, key_at(dim, position, 0), key_at(kv_groups(dim), position, 0), 16);
}
void store_value(KvType type, std::size_t dim, std::size_t position, const float* vector, std::byte* block) {
  store_vector(type, dim, vector, block, value_at(dim, position, 0), value_at(kv_groups(dim), position, 0), 1);
}
