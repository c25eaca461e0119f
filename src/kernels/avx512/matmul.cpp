// All AVX-512 matrix products.
#include "kernels/avx512/matmul.h"

namespace hearth::kernels {

void fill_matmul_avx512(KernelTable& table) {
  avx512::fill_any(table);
  avx512::fill_32(table);
  avx512::fill_256(table);
  avx512::fill_plain(table);
  if (detect_cpu_features().avx512_bf16) avx512::fill_bf16(table);
}

}  // namespace hearth::kernels
