// AVX-512 products for formats with integer sub-scales inside 256 elements.
#include "kernels/avx512/drive.inl.h"
#include "kernels/avx512/matmul.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

template <class Format>
void unpack(const PackedMatrix& w, std::size_t p, std::byte* to) {
  unpack256<Format>(w.panels + p * (w.k / 256 * Format::kBytes), w.k / 256, to);
}

/// Few columns by Format, many by panels made from Many.
template <class Format, class Many = Format>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  matmul_formats<Format, Many>({w, x, panel_begin, panel_end, out, out_stride, scratch}, unpack<Many>);
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels::avx512 {

void fill_256(KernelTable& table) {
  set_matmul(table, DType::kQ2_K, matmul<Q2_K>, "avx512");
  set_matmul(table, DType::kQ3_K, matmul<Q3_K, Q3_KFolded>, "avx512");
  set_matmul(table, DType::kQ4_K, matmul<Q4_K>, "avx512");
  set_matmul(table, DType::kQ5_K, matmul<Q5_K>, "avx512");
  set_matmul(table, DType::kQ6_K, matmul<Q6_K>, "avx512");
  set_matmul(table, DType::kIQ4_XS, matmul<IQ4_XS>, "avx512");
  set_matmul(table, DType::kTQ2_0, matmul<TQ2_0>, "avx512");
}

}  // namespace hearth::kernels::avx512
