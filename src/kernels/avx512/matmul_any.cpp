// AVX-512 products for formats without an AVX-512 reader: the scalar codec takes each block of a panel apart once, the
// multiplication is the same as for every other format.
#include "kernels/avx512/drive.inl.h"
#include "kernels/avx512/matmul.h"
#include "tensor/quant/codec.h"

namespace hearth::kernels::avx512 {
namespace {

constexpr int kOffset = 128;  // int8 codes as unsigned bytes

/// n codes of row `row`, raised, to units [n / 4][16 rows][4].
void write_codes(const std::int8_t* codes, std::size_t n, std::size_t row, std::byte* units) {
  for (std::size_t e = 0; e < n; ++e) {
    units[e / 4 * 64 + 4 * row + e % 4] = static_cast<std::byte>(static_cast<std::uint8_t>(codes[e]) ^ 0x80u);
  }
}

void write_float(float value, std::size_t row, std::byte* floats) {
  __builtin_memcpy(floats + 4 * row, &value, 4);
}

/// Calls write(codes, row, panel block index) for every block of panel p.
template <class Codes, class Write>
void for_each_block(const PackedMatrix& w, std::size_t p, void (*take_apart)(const void*, Codes*, std::size_t),
                    const Write& write) {
  Codes codes;
  std::byte block[kMaxBlockBytes];
  for (std::size_t b = 0; b < w.k / Codes::kLen; ++b) {
    for (std::size_t row = 0; row < kPanelRows; ++row) {
      unpack_block(w.type, w.panel(p) + b * panel_block_bytes(w.type), row, block);
      take_apart(block, &codes, 1);
      write(codes, row, b);
    }
  }
}

template <class Panel>
void unpack_any32(const PackedMatrix& w, std::size_t p, std::byte* to) {
  for_each_block<Codes32>(w, p, find_codec(w.type)->unpack_codes32,
                          [to](const Codes32& codes, std::size_t row, std::size_t b) {
                            std::byte* block = to + b * Panel::kBytes;
                            write_codes(codes.codes, 32, row, block);
                            write_float(codes.d, row, block + 512);
                          });
}

template <class Panel>
void unpack_any256(const PackedMatrix& w, std::size_t p, std::byte* to) {
  for_each_block<Codes256>(w, p, find_codec(w.type)->unpack_codes256,
                           [to](const Codes256& codes, std::size_t row, std::size_t b) {
                             std::byte* block = to + b * Panel::kBytes;
                             write_codes(codes.codes, 256, row, block);
                             write_float(codes.d, row, block + 4096);
                             for (std::size_t g = 0; Panel::kGroup != 64 && g < 64 / Panel::kGroup; ++g) {
                               const std::int16_t scale = codes.scale[g * (Panel::kGroup / 4)];
                               __builtin_memcpy(block + Panel::kScalesAt + 32 * g + 2 * row, &scale, 2);
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
  many_columns<Panel, 1>({w, x, panel_begin, panel_end, out, out_stride, scratch}, kOffset, unpack);
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels::avx512 {

namespace {

template <class Panel>
constexpr MatmulFn any32 = matmul<Panel, unpack_any32<Panel>>;
template <class Panel>
constexpr MatmulFn any256 = matmul<Panel, unpack_any256<Panel>>;

/// Null where the panel forms here do not reach: formats with minima have readers of their own.
MatmulFn find_any(const QuantCodec& codec) {
  if (codec.has_min) return nullptr;
  if (codec.form == CodesForm::k32) return any32<Panel32<1, true, false>>;
  if (codec.form != CodesForm::k256) return nullptr;
  switch (codec.scale_span) {
    case 256: return any256<Panel256<64, true, 0>>;
    case 32: return any256<Panel256<8, true, 0>>;
    default: return any256<Panel256<4, true, 0>>;
  }
}

}  // namespace

void fill_any(KernelTable& table) {
  for (const QuantCodec& codec : all_codecs()) {
    if (const MatmulFn function = find_any(codec)) set_matmul(table, codec.type, function, "avx512");
  }
}

}  // namespace hearth::kernels::avx512
