// All AVX-VNNI matrix products.
#include "kernels/avxvnni/matmul.h"

namespace hearth::kernels {

void fill_matmul_avxvnni(KernelTable& table) {
  avxvnni::fill_any(table);
  avxvnni::fill_32(table);
  avxvnni::fill_256(table);
}

}  // namespace hearth::kernels
