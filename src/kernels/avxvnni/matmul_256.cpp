// AVX-VNNI products for formats with integer sub-scales inside 256 elements.
#include "kernels/avxvnni/blocks.inl.h"
#include "kernels/avxvnni/matmul.h"

namespace hearth::kernels::avxvnni {

namespace {

#include "kernels/avx2/fill_256.inl.h"

}  // namespace

void fill_256(KernelTable& table) {
  fill(table, "avxvnni");
}

}  // namespace hearth::kernels::avxvnni
