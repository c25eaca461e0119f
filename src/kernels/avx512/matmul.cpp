// All AVX-512 matrix products.
#include "kernels/avx512/matmul.h"

namespace hearth::kernels {

void fill_matmul_avx512(KernelTable& table) {
  avx512::fill_any(table);
  avx512::fill_32(table);
  avx512::fill_256(table);
  avx512::fill_plain(table);
}

}  // namespace hearth::kernels
