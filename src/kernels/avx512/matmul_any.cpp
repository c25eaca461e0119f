// AVX-512 products for formats without an AVX-512 reader: the scalar codec takes each block of a panel apart once, the
// multiplication is the same as for every other format.
#include "kernels/avx512/drive.inl.h"
#include "kernels/avx512/matmul.h"
#include "kernels/take_apart.h"

namespace hearth::kernels::avx512 {
namespace {

constexpr int kOffset = 128;  // int8 codes as unsigned bytes

template <class Panel>
void unpack_any32(const PackedMatrix& w, std::size_t p, std::byte* to) {
  for_each_block<Codes32>(w, p, find_codec(w.type)->unpack_codes32,
                          [to](const Codes32& codes, std::size_t row, std::size_t b) {
                            std::byte* block = to + b * Panel::kBytes;
                            write_units(codes.codes, 32, row, 0x80, block);
                            write_lane(codes.d, row, block + 512);
                          });
}

template <class Panel>
void unpack_any256(const PackedMatrix& w, std::size_t p, std::byte* to) {
  for_each_block<Codes256>(
      w, p, find_codec(w.type)->unpack_codes256, [to](const Codes256& codes, std::size_t row, std::size_t b) {
        std::byte* block = to + b * Panel::kBytes;
        write_units(codes.codes, 256, row, 0x80, block);
        write_lane(codes.d, row, block + 4096);
        for (std::size_t g = 0; Panel::kGroup != 64 && g < 64 / Panel::kScaleUnits; ++g) {
          write_lane(codes.scale[g * (Panel::kScaleUnits / 4)], row, block + Panel::kScalesAt + 32 * g);
        }
      });
}

}  // namespace
}  // namespace hearth::kernels::avx512

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

template <class Panel, void (*unpack)(const PackedMatrix&, std::size_t, std::byte*)>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  many_columns<Panel>({w, x, panel_begin, panel_end, out, out_stride, scratch}, kOffset, unpack,
                      ColumnOf<Panel>::Type::fill, kMaxColumns, 2, find_panel_fn<Panel, 1>);
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels::avx512 {

namespace {

template <class Panel>
constexpr MatmulFn kAny32 = matmul<Panel, unpack_any32<Panel>>;
template <class Panel>
constexpr MatmulFn kAny256 = matmul<Panel, unpack_any256<Panel>>;

/// Null where the panel forms here do not reach: formats with minima have readers of their own.
MatmulFn find_any(const QuantCodec& codec) {
  if (codec.has_min) return nullptr;
  if (codec.form == CodesForm::k32) return kAny32<Panel32<1, true, false>>;
  if (codec.form != CodesForm::k256) return nullptr;
  switch (codec.scale_span) {
    case 256: return kAny256<Panel256<64, 64, false, true, 0>>;
    case 32: return kAny256<Panel256<8, 8, false, true, 0>>;
    default: return kAny256<Panel256<4, 4, false, true, 0>>;
  }
}

}  // namespace

void fill_any(KernelTable& table) {
  for (const QuantCodec& codec : all_codecs()) {
    if (const MatmulFn function = find_any(codec)) set_matmul(table, codec.type, function, "avx512");
  }
}

}  // namespace hearth::kernels::avx512
