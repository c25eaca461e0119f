// The scalar table: runs everywhere, fills every slot, and is the specification of the others.
#include "kernels/families.h"

namespace hearth::kernels {

namespace {

KernelTable make_table() {
  KernelTable table;
  table.name = "scalar";
  table.supported = [](const CpuFeatures&) { return true; };
  fill_matmul_scalar(table);
  fill_quantize_scalar(table);
  fill_attention_scalar(table);
  fill_elementwise_scalar(table);
  fill_limits_scalar(table);
  return table;
}

}  // namespace

const KernelTable& scalar_table() {
  static const KernelTable table = make_table();
  return table;
}

}  // namespace hearth::kernels
