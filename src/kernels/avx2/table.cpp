// The avx2 table: AVX2, FMA and F16C, over the scalar table.
#include "kernels/families.h"

namespace hearth::kernels {

namespace {

KernelTable make_table() {
  KernelTable table = scalar_table();
  table.name = "avx2";
  table.supported = [](const CpuFeatures& cpu) { return cpu.avx2_fma; };
  fill_matmul_avx2(table);
  fill_quantize_avx2(table);
  fill_attention_avx2(table);
  fill_elementwise_avx2(table);
  fill_limits_avx2(table);
  return table;
}

}  // namespace

const KernelTable& avx2_table() {
  static const KernelTable table = make_table();
  return table;
}

}  // namespace hearth::kernels
