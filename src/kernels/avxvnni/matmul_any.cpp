// AVX-VNNI products for formats without a reader of their own.
#include "kernels/avxvnni/blocks.inl.h"
#include "kernels/avxvnni/matmul.h"
#include "kernels/take_apart.h"

namespace hearth::kernels::avxvnni {

namespace {

#include "kernels/avx2/fill_any.inl.h"

}  // namespace

void fill_any(KernelTable& table) {
  fill(table, "avxvnni");
}

}  // namespace hearth::kernels::avxvnni
