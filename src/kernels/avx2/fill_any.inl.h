// Products for formats without a reader of their own: the scalar codec takes each block of a panel apart once, the
// multiplication is the same as for every other format. Included outside of the region, since taking apart uses what is
// compiled for every CPU.

struct Any32 {
  static constexpr std::size_t kBlock = 32;
  static constexpr int kScales = 1, kRun = 1;
  static constexpr bool kRaised = kRaise8Bit, kSigned = !kRaise8Bit, kMin = false;
};
template <int scale_units>
struct Any256 {
  static constexpr std::size_t kBlock = 256;
  static constexpr int kScaleUnits = scale_units, kGroup = group_8bit(scale_units), kPairs = 0;
  static constexpr bool kRaised = kRaise8Bit, kSigned = !kRaise8Bit, kMin = false, kNarrow = false;
};

constexpr std::uint8_t kFlip = kRaise8Bit ? 0x80 : 0;

void unpack_any(const Any32&, const PackedMatrix& w, std::size_t p, std::byte* to) {
  for_each_block<Codes32>(w, p, find_codec(w.type)->unpack_codes32,
                          [to](const Codes32& codes, std::size_t row, std::size_t b) {
                            std::byte* block = to + b * Panel32<Any32>::kBytes;
                            write_units(codes.codes, 32, row, kFlip, block);
                            write_lane(codes.d, row, block + 512);
                          });
}

template <int scale_units>
void unpack_any(const Any256<scale_units>&, const PackedMatrix& w, std::size_t p, std::byte* to) {
  using Panel = Panel256<Any256<scale_units>>;
  for_each_block<Codes256>(w, p, find_codec(w.type)->unpack_codes256,
                           [to](const Codes256& codes, std::size_t row, std::size_t b) {
                             std::byte* block = to + b * Panel::kBytes;
                             write_units(codes.codes, 256, row, kFlip, block);
                             write_lane(codes.d, row, block + 4096);
                             for (std::size_t g = 0; g < 64 / scale_units; ++g) {
                               const std::int16_t scale = codes.scale[g * (scale_units / 4)];
                               write_lane(scale_lane(scale), row, block + Panel::kScalesAt + 64 * g);
                             }
                           });
}

template <class Form>
void unpack_form(const PackedMatrix& w, std::size_t p, std::byte* to) {
  unpack_any(Form(), w, p, to);
}

template <class Form>
void matmul_any(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
                std::size_t out_stride, std::byte* scratch) {
  using Panel = typename PanelOf<Form>::Type;
  many_columns<Panel>({w, x, panel_begin, panel_end, out, out_stride, scratch}, kRaise8Bit ? 128 : 0, unpack_form<Form>,
                      ColumnOf<Panel>::Type::fill, kMaxColumns, 1, find_tile_fn<Panel>);
}

/// Null where the forms here do not reach: formats with minima have readers of their own.
MatmulFn find_any(const QuantCodec& codec) {
  if (codec.has_min) return nullptr;
  if (codec.form == CodesForm::k32) return matmul_any<Any32>;
  if (codec.form != CodesForm::k256) return nullptr;
  return codec.scale_span >= 32 ? matmul_any<Any256<8>> : matmul_any<Any256<4>>;
}

void fill(KernelTable& table, std::string_view isa) {
  for (const QuantCodec& codec : all_codecs()) {
    if (const MatmulFn function = find_any(codec)) set_matmul(table, codec.type, function, isa);
  }
}
