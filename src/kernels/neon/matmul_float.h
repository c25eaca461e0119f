// Matrix products of the neon table for F32, F16 and BF16 weights.
#pragma once

#include "kernels/table.h"

namespace hearth::kernels::neon {

void fill_matmul_float(KernelTable& table);

}  // namespace hearth::kernels::neon
