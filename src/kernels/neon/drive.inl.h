// Matrix products of arm64 for block formats: which tiles, in which order. Included after multiply.inl.h.
//
// Up to four rows of activations read the packed weights in registers and use them at once. More: each panel is
// unpacked once to bytes in the scratch and multiplied with tiles of up to four columns. Formats without a reader of
// their own are always unpacked, by the scalar codecs.

using TileFn = void (*)(const std::byte* panel, int half, const ActRows& x, std::size_t first, float* acc);

template <class Source, int C>
HEARTH_INLINE constexpr TileFn tile_fn() {
  if constexpr (Source::kBlock == 32) {
    return multiply32<Source, C>;
  } else if constexpr (Source::kBlock == 64) {
    return multiply64<Source, C>;
  } else {
    return multiply256<Source, C>;
  }
}
template <class Source>
inline constexpr TileFn kTiles[kMaxColumns] = {tile_fn<Source, 1>(), tile_fn<Source, 2>(), tile_fn<Source, 3>(),
                                               tile_fn<Source, 4>()};

/// All columns of x with one panel: rows 16 p .. of out, none beyond n.
HEARTH_INLINE void multiply_panel(const TileFn* tiles, const std::byte* panel, std::size_t p, std::size_t n,
                                  const ActRows& x, float* out, std::size_t out_stride) {
  const std::size_t n_tiles = (x.m + kMaxColumns - 1) / kMaxColumns;
  for (std::size_t t = 0; t < n_tiles; ++t) {
    const std::size_t from = kMaxColumns * t, to = from + kMaxColumns < x.m ? from + kMaxColumns : x.m;
    for (int half = 0; half < 2; ++half) {
      const std::size_t row = 16 * p + 8 * static_cast<std::size_t>(half);
      if (row >= n) break;
      const std::size_t n_rows = n - row < 8 ? n - row : 8;
      float acc[kMaxColumns * 8];
      tiles[to - from - 1](panel, half, x, from, acc);
      for (std::size_t c = from; c < to; ++c) {
        __builtin_memcpy(out + c * out_stride + row, acc + 8 * (c - from), n_rows * sizeof(float));
      }
    }
  }
}

HEARTH_INLINE const TileFn* unpacked_tiles(const QuantCodec& codec) {
  if (codec.form == CodesForm::k64) return kTiles<Unpacked64>;
  if (codec.form == CodesForm::k32) return codec.has_min ? kTiles<Unpacked32<true>> : kTiles<Unpacked32<false>>;
  if (codec.scale_span == 16) return codec.has_min ? kTiles<Unpacked256<4, true>> : kTiles<Unpacked256<4, false>>;
  return codec.has_min ? kTiles<Unpacked256<8, true>> : kTiles<Unpacked256<8, false>>;
}

/// Any block format.
void matmul_unpacked(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end,
                     float* out, std::size_t out_stride, std::byte* scratch) {
  const TileFn* tiles = unpacked_tiles(*find_codec(w.type));
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    neon::unpack_panel(w, p, scratch);
    multiply_panel(tiles, scratch, p, w.n, x, out, out_stride);
  }
}

/// Whether full tiles want their weights zipped; then panels are unpacked so.
inline constexpr bool kZipsPanels = Dot<kMaxColumns>::kZipped;

template <class Format>
HEARTH_INLINE Pair pair_of(const Format& w, int u, int half) {
  if constexpr (Format::kBlock == 32) {
    return w.pair(u, half);
  } else {
    return w.pair(u / 8, u % 8, half);
  }
}
HEARTH_INLINE void store_pair(Pair pair, std::int8_t* to) {
  vst1q_s8(to, pair.a);
  vst1q_s8(to + 16, pair.b);
}

/// Codes as Unpacked32 and Unpacked256 want them.
template <class Format>
HEARTH_INLINE void unpack_codes(const Format& w, std::byte* to) {
  auto* codes = reinterpret_cast<std::int8_t*>(to);
  for (int u = 0; u < static_cast<int>(Format::kBlock / 4); u += 2) {
    for (int half = 0; half < 2; ++half) {
      Pair first = pair_of(w, u, half), second = pair_of(w, u + 1, half);
      if constexpr (kZipsPanels) zip_units(first, second);
      store_pair(first, codes + 64 * u + 32 * half);
      store_pair(second, codes + 64 * (u + 1) + 32 * half);
    }
  }
}

template <class Format>
void unpack_format(const std::byte* panel, std::size_t n_blocks, std::byte* to) {
  for (std::size_t b = 0; b < n_blocks; ++b, panel += Format::kBytes) {
    const Format w(panel);
    auto* floats = reinterpret_cast<float*>(to);
    auto* scales = reinterpret_cast<std::int16_t*>(to + 128);
    for (int q = 0; q < 4; ++q) {
      vst1q_f32(floats + 4 * q, w.d(q));
      if constexpr (Format::kBlock == 32) {
        if constexpr (Format::kMin) vst1q_f32(floats + 16 + 4 * q, w.m(q));
      } else {
        if constexpr (Format::kMin) vst1q_f32(floats + 16 + 4 * q, w.dmin(q));
        for (int g = 0; g < 64 / Format::kGroup; ++g) {
          std::int16_t* group = scales + 16 * (g * (Format::kGroup / 4)) + 4 * q;
          vst1_s16(group, vmovn_s32(w.scale(g, q)));
          if constexpr (Format::kMin) vst1_s16(group + 256, vmovn_s32(w.min(g, q)));
        }
      }
    }
    unpack_codes(w, to + (Format::kBlock == 32 ? 128 : 1152));
    to += Format::kBlock == 32 ? neon::kUnpacked32Bytes : neon::kUnpacked256Bytes;
  }
}

template <class Format, std::size_t block>
struct UnpackedOf {
  using Type = Unpacked256<Format::kGroup, Format::kMin>;
};
template <class Format>
struct UnpackedOf<Format, 32> {
  using Type = Unpacked32<Format::kMin>;
};
template <class Unpacked, bool zips>
struct PanelOf {
  using Type = Unpacked;
};
template <class Unpacked>
struct PanelOf<Unpacked, true> {
  using Type = Zipped<Unpacked>;
};

template <class Format>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  using Panel = typename PanelOf<typename UnpackedOf<Format, Format::kBlock>::Type, kZipsPanels>::Type;
  const std::size_t n_blocks = w.k / Format::kBlock;
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    const std::byte* panel = w.panels + p * n_blocks * Format::kBytes;
    if (x.m <= kMaxColumns) {
      multiply_panel(kTiles<Format>, panel, p, w.n, x, out, out_stride);
    } else {
      unpack_format<Format>(panel, n_blocks, scratch);
      multiply_panel(kTiles<Panel>, scratch, p, w.n, x, out, out_stride);
    }
  }
}

void fill_blocks(KernelTable& table, std::string_view isa) {
  set_matmul(table, DType::kQ4_0, matmul<Q4_0>, isa);
  set_matmul(table, DType::kQ4_1, matmul<Q4_1>, isa);
  set_matmul(table, DType::kQ5_0, matmul<Q5_0>, isa);
  set_matmul(table, DType::kQ5_1, matmul<Q5_1>, isa);
  set_matmul(table, DType::kQ8_0, matmul<Q8_0>, isa);
  set_matmul(table, DType::kIQ4_NL, matmul<IQ4_NL>, isa);
  set_matmul(table, DType::kMXFP4, matmul<MXFP4>, isa);
  set_matmul(table, DType::kQ4_K, matmul<Q4_K>, isa);
  set_matmul(table, DType::kQ5_K, matmul<Q5_K>, isa);
  set_matmul(table, DType::kQ6_K, matmul<Q6_K>, isa);
}
