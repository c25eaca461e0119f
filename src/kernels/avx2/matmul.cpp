// All AVX2 matrix products.
#include "kernels/avx2/matmul.h"

namespace hearth::kernels {

void fill_matmul_avx2(KernelTable& table) {
  avx2::fill_any(table);
  avx2::fill_32(table);
  avx2::fill_256(table);
  avx2::fill_plain(table);
}

}  // namespace hearth::kernels
