// AVX-VNNI products for formats with a float scale per 32 elements, or two.
#include "kernels/avxvnni/blocks.inl.h"
#include "kernels/avxvnni/matmul.h"

namespace hearth::kernels::avxvnni {

namespace {

#include "kernels/avx2/fill_32.inl.h"

}  // namespace

void fill_32(KernelTable& table) {
  fill(table, "avxvnni");
}

}  // namespace hearth::kernels::avxvnni
