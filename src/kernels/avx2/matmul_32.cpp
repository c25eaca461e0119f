// AVX2 products for formats with a float scale per 32 elements, or two.
#include "kernels/avx2/blocks.inl.h"
#include "kernels/avx2/matmul.h"

namespace hearth::kernels::avx2 {

namespace {

#include "kernels/avx2/fill_32.inl.h"

}  // namespace

void fill_32(KernelTable& table) {
  fill(table, "avx2");
}

}  // namespace hearth::kernels::avx2
