// The integer micro-kernels: the 16 rows of a panel, as two registers of 8, times a few columns of activations. A
// broadcast activation serves both. Included after formats.inl.h, panels.inl.h and a dot.inl.h, which says how products
// are summed.

constexpr std::size_t kMaxColumns = 4;  // of a tile
/// Up to here weights are unpacked in registers, beyond once to a panel: the dearer a format's codes, the earlier.
template <class Format>
HEARTH_INLINE constexpr std::size_t few_columns_of() {
  if constexpr (Format::kBlock < 256) {
    return 16;
  } else {
    return Format::kPartsTogether <= 2 ? 8 : 4;
  }
}

HEARTH_INLINE void accumulate(float* acc, __m256 a, __m256 b) {
  _mm256_store_ps(acc, _mm256_fmadd_ps(a, b, _mm256_load_ps(acc)));
}
HEARTH_INLINE void accumulate_minus(float* acc, __m256 a, __m256 b) {
  _mm256_store_ps(acc, _mm256_fnmadd_ps(a, b, _mm256_load_ps(acc)));
}

template <int n>
HEARTH_INLINE void clear(float* acc) {
  HEARTH_UNROLL
  for (int i = 0; i < n; ++i) _mm256_store_ps(acc + 8 * i, _mm256_setzero_ps());
}

/// Asks for the cache lines of [at, at + bytes), into the second-level cache: on Zen 4 that reads up to 1.6 times as
/// fast as into the first. Packed weights are read once, from memory; the hardware's own prefetching stops at every
/// page.
template <std::size_t bytes>
HEARTH_INLINE void prefetch(const std::byte* at) {
  HEARTH_UNROLL
  for (std::size_t i = 0; i < bytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T1);
}
/// How far ahead to ask: for a 32-block format two to four blocks, from each of four panels.
constexpr std::size_t kAhead32 = 1152, kAhead256 = 4096;

/// What the sums of C columns begin with: where codes are raised, the word that takes it back.
template <class Source, int C>
HEARTH_INLINE void read_starts(const std::byte* word, std::size_t stride, __m256i (&start)[C]) {
  HEARTH_UNROLL
  for (int c = 0; c < C; ++c) start[c] = Source::kRaised ? splat(word + c * stride) : _mm256_setzero_si256();
}

/// acc [C][..][16] += one block of a panel times C columns; acc_stride floats from one column to the next. `later` is
/// the block to ask for.
template <class Source, int C>
HEARTH_INLINE void add_block32(const Source& w, const std::byte* later, const std::byte* x, std::size_t stride,
                               float* acc, std::size_t acc_stride) {
  using Column = ActColumn32<Source>;
  constexpr int kUnits = 8 / Source::kScales;  // under one scale
  constexpr int kRun = run_of<Source>(kUnits);
  if constexpr (Source::kStreams) prefetch<Source::kBytes>(later);
  HEARTH_UNROLL
  for (int s = 0; s < static_cast<int>(Source::kBlock) / 32; ++s, x += Column::kBytes) {
    HEARTH_UNROLL
    for (int g = 0; g < Source::kScales; ++g) {
      __m256i start[C], dot[2][C];
      read_starts<Source>(x + 4 * (Column::kStartWord + g), stride, start);
      HEARTH_UNROLL
      for (int i = 0; i < 2 * C; ++i) dot[i / C][i % C] = start[i % C];
      HEARTH_UNROLL
      for (int run = 0; run < kUnits; run += kRun) {
        DotRun<Source, C> products;
        products.begin(start);
        HEARTH_UNROLL
        for (int u = kUnits * g + run; u < kUnits * g + run + kRun; ++u) {
          __m256i units[2];
          HEARTH_UNROLL
          for (int h = 0; h < 2; ++h) units[h] = w.unit(h, 8 * s + u);
          products.unit(units, x + 4 * u, stride, u == kUnits * g + run);
        }
        products.finish(dot);
      }
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        const __m256 d = w.d(h, Source::kScales * s + g);
        HEARTH_UNROLL
        for (int c = 0; c < C; ++c) {
          const __m256 scale = splat_float(x + c * stride + 4 * Column::kScaleWord);
          accumulate(acc + acc_stride * c + 8 * h, _mm256_cvtepi32_ps(dot[h][c]), _mm256_mul_ps(d, scale));
        }
      }
    }
    if constexpr (Source::kMin) {
      HEARTH_UNROLL
      for (int i = 0; i < 2 * C; ++i) {
        const int h = i / C, c = i % C;
        accumulate(acc + acc_stride * c + 8 * h, w.m(h), splat_float(x + c * stride + 4 * Column::kLowWord));
      }
    }
  }
}

/// The integer sums over one block of 256, sub-scales applied; an offset that pairs take back is still in them.
template <class Source, int C>
HEARTH_INLINE void dot_block(const Source& w, const std::byte* x, std::size_t stride, __m256i (&sum)[2][C]) {
  using Column = ActColumn256<Source>;
  constexpr int kParts = Source::kPartsTogether, kGroup = Source::kGroup, kScaleUnits = Source::kScaleUnits;
  HEARTH_UNROLL
  for (int i = 0; i < 2 * C; ++i) sum[i / C][i % C] = _mm256_setzero_si256();
  for (std::size_t j = 0; j < 8 / kParts; ++j, x += Column::kPartBytes * kParts) {
    if constexpr (Source::kStreams) {
      prefetch<Source::kBytes / 8 * kParts>(w.b + kAhead256 + Source::kBytes / 8 * kParts * j);
    }
    HEARTH_UNROLL
    for (int run = 0; run < 8 * kParts; run += kGroup) {
      const std::byte* part = x + Column::kPartBytes * (run / 8);
      __m256i start[C];
      read_starts<Source>(part + 32 + 4 * (run % 8 / kGroup), stride, start);
      DotRun<Source, C> products;
      products.begin(start);
      HEARTH_UNROLL
      for (int u = run; u < run + kGroup; ++u) {
        __m256i units[2];
        HEARTH_UNROLL
        for (int h = 0; h < 2; ++h) units[h] = w.unit(h, j, u / 8, u % 8);
        products.unit(units, part + 4 * (u % 8), stride, u == run);
      }
      __m256i scale[2];
      HEARTH_UNROLL
      for (int h = 0; h < 2; ++h) {
        const __m256i lanes = w.scale(h, 8 * kParts / kScaleUnits * j + run / kScaleUnits);
        scale[h] = Source::kStreams ? scale_operand<Source>(lanes) : lanes;
      }
      products.finish(sum, scale);
    }
  }
}

template <class Source, int C>
HEARTH_INLINE void add_block256(const Source& w, const std::byte* x, std::size_t stride, float* acc,
                                std::size_t acc_stride) {
  using Column = ActColumn256<Source>;
  __m256i sum[2][C], low[2][C];
  dot_block<Source, C>(w, x, stride, sum);
  HEARTH_UNROLL
  for (int i = 0; i < 2 * C; ++i) low[i / C][i % C] = _mm256_setzero_si256();
  HEARTH_UNROLL
  for (int p = 0; p < Source::kPairs; ++p) {
    HEARTH_UNROLL
    for (int h = 0; h < 2; ++h) {
      const __m256i pair = w.pair(h, p);
      HEARTH_UNROLL
      for (int c = 0; c < C; ++c) {
        const __m256i sums = splat(x + c * stride + 4 * (Column::kPairWord + p));
        low[h][c] = _mm256_add_epi32(low[h][c], _mm256_madd_epi16(pair, sums));
      }
    }
  }
  HEARTH_UNROLL
  for (int h = 0; h < 2; ++h) {
    const __m256 d = w.d(h);
    HEARTH_UNROLL
    for (int c = 0; c < C; ++c) {
      const __m256 scale = splat_float(x + c * stride + 4 * Column::kScaleWord);
      const __m256i dot = Source::kMin ? sum[h][c] : _mm256_sub_epi32(sum[h][c], low[h][c]);
      float* to = acc + acc_stride * c + 8 * h;
      accumulate(to, _mm256_cvtepi32_ps(dot), _mm256_mul_ps(d, scale));
      if constexpr (Source::kMin) accumulate_minus(to, _mm256_cvtepi32_ps(low[h][c]), _mm256_mul_ps(w.dmin(h), scale));
    }
  }
}

/// Bytes from block b of a panel to the block to ask for. After a panel's last block its stream goes on P panels
/// further: what follows at once is another stream's.
template <class Source, int P>
HEARTH_INLINE std::size_t ahead_of_block32(std::size_t b, std::size_t n_blocks, std::size_t panel_stride) {
  constexpr std::size_t kBlocks = kAhead32 / Source::kBytes;
  return kBlocks * Source::kBytes + (b + kBlocks < n_blocks ? 0 : (P - 1) * panel_stride);
}

/// acc [C][P][16] = P panels times C columns; panels take turns block by block.
template <class Source, int P, int C>
void multiply(const std::byte* panels, std::size_t panel_stride, std::size_t n_blocks, const std::byte* x,
              std::size_t stride, float* acc) {
  constexpr std::size_t kColumnBytes = ColumnOf<Source>::Type::kBytes * (Source::kBlock / ColumnOf<Source>::Type::kLen);
  clear<2 * P * C>(acc);
  for (std::size_t b = 0; b < n_blocks; ++b, panels += Source::kBytes, x += kColumnBytes) {
    for (std::size_t p = 0; p < P; ++p) {
      const Source w(panels + p * panel_stride);
      if constexpr (Source::kBlock == 256) {
        add_block256<Source, C>(w, x, stride, acc + 16 * p, 16 * P);
      } else {
        const std::byte* later = w.b + ahead_of_block32<Source, P>(b, n_blocks, panel_stride);
        add_block32<Source, C>(w, later, x, stride, acc + 16 * p, 16 * P);
      }
    }
  }
}

// ---- which kernel serves which number of columns --------------------------------------------------------------------

/// Panels at once of a format, which are streams from memory. Blocks of 32 gain from four (Zen 3: Q8_0 17 GB/s along
/// one stream, 22 along four), blocks of 256 lose.
template <class Source>
constexpr int kPanelsAtOnce = !Source::kStreams || Source::kBlock == 256 ? 1 : 4;

/// The kernel of P panels for `columns`, which is known to lie in [low, high].
template <class Source, int P, int low, int high>
TileFn find_tile_fn(std::size_t columns) {
  if constexpr (low == high) {
    return multiply<Source, P, low>;
  } else {
    return columns == low ? multiply<Source, P, low> : find_tile_fn<Source, P, low + 1, high>(columns);
  }
}
template <class Source>
TileFn find_tile_fn(std::size_t panels, std::size_t columns) {
  if constexpr (kPanelsAtOnce<Source> > 1) {
    if (panels == 4) return find_tile_fn<Source, 4, 1, kMaxColumns>(columns);
    if (panels == 2) return find_tile_fn<Source, 2, 1, kMaxColumns>(columns);
  }
  return find_tile_fn<Source, 1, 1, kMaxColumns>(columns);
}

template <class Format>
void unpack(const PackedMatrix& w, std::size_t p, std::byte* to) {
  const std::size_t n_blocks = w.k / Format::kBlock;
  const std::byte* panel = w.panels + p * (n_blocks * Format::kBytes);
  if constexpr (Format::kBlock == 256) {
    unpack256<Format>(panel, n_blocks, to);
  } else {
    unpack32<Format>(panel, n_blocks, to);
  }
}

/// Few columns straight from the format, more by unpacked panels.
template <class Format>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  using Panel = typename PanelOf<Format>::Type;
  const MatmulCall call{w, x, panel_begin, panel_end, out, out_stride, scratch};
  if (x.m <= few_columns_of<Format>()) {
    few_columns<Format>(call, ColumnOf<Format>::Type::fill, kMaxColumns, kPanelsAtOnce<Format>, find_tile_fn<Format>);
  } else {
    many_columns<Panel>(call, Format::kOffset, unpack<Format>, ColumnOf<Panel>::Type::fill, kMaxColumns, 1,
                        find_tile_fn<Panel>);
  }
}
