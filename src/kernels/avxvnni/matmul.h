// The parts of the AVX-VNNI matrix products, one file each. Float weights stay with AVX2.
#pragma once

#include "kernels/families.h"

namespace hearth::kernels::avxvnni {

void fill_32(KernelTable& table);   // formats of 32-element blocks
void fill_256(KernelTable& table);  // formats of 256-element blocks
void fill_any(KernelTable& table);  // every other format, taken apart by its scalar codec

}  // namespace hearth::kernels::avxvnni
