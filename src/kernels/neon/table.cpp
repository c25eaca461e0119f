// The arm64 tables: neon needs the int8 dot product (most cores since 2018); neon_i8mm adds the int8 matrix product.
#include "kernels/families.h"

#if defined(__aarch64__)
namespace hearth::kernels {

namespace {

KernelTable make_table() {
  KernelTable table = scalar_table();
  table.name = "neon";
  table.supported = [](const CpuFeatures& cpu) { return cpu.neon && cpu.dotprod; };
  fill_matmul_neon(table);
  fill_quantize_neon(table);
  fill_attention_neon(table);
  fill_elementwise_neon(table);
  fill_limits_neon(table);
  return table;
}

KernelTable make_i8mm_table() {
  KernelTable table = neon_table();
  table.name = "neon_i8mm";
  table.supported = [](const CpuFeatures& cpu) { return cpu.neon && cpu.dotprod && cpu.i8mm; };
  fill_matmul_neon_i8mm(table);
  fill_limits_neon_i8mm(table);
  return table;
}

}  // namespace

const KernelTable& neon_table() {
  static const KernelTable table = make_table();
  return table;
}

const KernelTable& neon_i8mm_table() {
  static const KernelTable table = make_i8mm_table();
  return table;
}

}  // namespace hearth::kernels
#endif
