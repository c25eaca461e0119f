// The neon table: arm64 with the int8 dot product (every core since 2018), over the scalar table.
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
  return table;
}

}  // namespace

const KernelTable& neon_table() {
  static const KernelTable table = make_table();
  return table;
}

}  // namespace hearth::kernels
#endif
