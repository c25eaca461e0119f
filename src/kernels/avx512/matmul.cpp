// All AVX-512 matrix products.
#include "kernels/avx512/matmul.h"

namespace hearth::kernels {

void fill_matmul_avx512(KernelTable& table) {
  avx512::fill_32(table);
  avx512::fill_256(table);
}

}  // namespace hearth::kernels
