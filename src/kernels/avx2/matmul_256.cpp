// AVX2 products for formats with integer sub-scales inside 256 elements.
#include "kernels/avx2/blocks.inl.h"
#include "kernels/avx2/matmul.h"

namespace hearth::kernels::avx2 {

namespace {

#include "kernels/avx2/fill_256.inl.h"

}  // namespace

void fill_256(KernelTable& table) {
  fill(table, "avx2");
}

}  // namespace hearth::kernels::avx2
