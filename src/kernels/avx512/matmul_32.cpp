// AVX-512 products for formats with a float scale per 32 elements, or two.
#include "kernels/avx512/drive.inl.h"
#include "kernels/avx512/matmul.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {
namespace {

template <class Format>
void unpack(const PackedMatrix& w, std::size_t p, std::byte* to) {
  unpack32<Format>(w.panels + p * (w.k / Format::kBlock * Format::kBytes), w.k / Format::kBlock, to);
}

template <class Format>
void matmul(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
            std::size_t out_stride, std::byte* scratch) {
  matmul_formats<Format, Format>({w, x, panel_begin, panel_end, out, out_stride, scratch}, unpack<Format>);
}

}  // namespace
}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels::avx512 {

void fill_32(KernelTable& table) {
  set_matmul(table, DType::kQ4_0, matmul<Q4_0>, "avx512");
  set_matmul(table, DType::kQ4_1, matmul<Q4_1>, "avx512");
  set_matmul(table, DType::kQ5_0, matmul<Q5_0>, "avx512");
  set_matmul(table, DType::kQ5_1, matmul<Q5_1>, "avx512");
  set_matmul(table, DType::kQ8_0, matmul<Q8_0>, "avx512");
  set_matmul(table, DType::kIQ4_NL, matmul<IQ4_NL>, "avx512");
  set_matmul(table, DType::kMXFP4, matmul<MXFP4>, "avx512");
  set_matmul(table, DType::kNVFP4, matmul<NVFP4>, "avx512");
}

}  // namespace hearth::kernels::avx512
