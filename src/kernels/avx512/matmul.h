// The parts of the AVX-512 matrix products, one file each.
#pragma once

#include "kernels/families.h"

namespace hearth::kernels::avx512 {

void fill_32(KernelTable& table);     // formats of 32-element blocks
void fill_256(KernelTable& table);    // formats of 256-element blocks
void fill_plain(KernelTable& table);  // F32, F16, BF16
void fill_any(KernelTable& table);    // every other format, taken apart by its scalar codec

}  // namespace hearth::kernels::avx512
