// Everything that a product of a block format with AVX2 is made of, in its region.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/target.h"
#include "kernels/tiles.h"

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
namespace hearth::kernels::avx2 {

namespace {

#include "kernels/avx2/bits.inl.h"

#include "kernels/avx2/formats.inl.h"

#include "kernels/avx2/dot.inl.h"

#include "kernels/avx2/panels.inl.h"

#include "kernels/avx2/multiply.inl.h"

}  // namespace

}  // namespace hearth::kernels::avx2
HEARTH_TARGET_END
