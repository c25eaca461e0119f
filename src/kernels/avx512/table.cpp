// The avx512 table: AVX-512 F, BW, DQ, VL with VNNI and VBMI, over the avx2 table.
#include "kernels/families.h"

namespace hearth::kernels {

namespace {

KernelTable make_table() {
  KernelTable table = avx2_table();
  table.name = "avx512";
  table.supported = [](const CpuFeatures& cpu) { return cpu.avx512_vnni; };
  fill_matmul_avx512(table);
  fill_quantize_avx512(table);
  fill_attention_avx512(table);
  fill_elementwise_avx512(table);
  fill_limits_avx512(table);
  if (detect_cpu_features().avx512_bf16) fill_bf16_avx512(table);
  return table;
}

}  // namespace

const KernelTable& avx512_table() {
  static const KernelTable table = make_table();
  return table;
}

}  // namespace hearth::kernels
