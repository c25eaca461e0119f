// The avxvnni table: AVX2 with the int8 dot product on 256 bits, over the avx2 table.
#include "kernels/families.h"

namespace hearth::kernels {

namespace {

KernelTable make_table() {
  KernelTable table = avx2_table();
  table.name = "avxvnni";
  table.supported = [](const CpuFeatures& cpu) { return cpu.avx_vnni; };
  fill_matmul_avxvnni(table);
  fill_limits_avxvnni(table);
  return table;
}

}  // namespace

const KernelTable& avxvnni_table() {
  static const KernelTable table = make_table();
  return table;
}

}  // namespace hearth::kernels
