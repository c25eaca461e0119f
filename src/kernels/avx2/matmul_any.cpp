// AVX2 products for formats without a reader of their own.
#include "kernels/avx2/blocks.inl.h"
#include "kernels/avx2/matmul.h"
#include "kernels/take_apart.h"

namespace hearth::kernels::avx2 {

namespace {

#include "kernels/avx2/fill_any.inl.h"

}  // namespace

void fill_any(KernelTable& table) {
  fill(table, "avx2");
}

}  // namespace hearth::kernels::avx2
