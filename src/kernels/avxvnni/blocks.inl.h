// Everything that a product of a block format with AVX-VNNI is made of, in its region: AVX2's parts around another way
// to sum products.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/target.h"
#include "kernels/tiles.h"

#if defined(HEARTH_AVXVNNI_BY_AVX2)
HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
#else
HEARTH_TARGET_BEGIN(HEARTH_ISA_AVXVNNI)
#include "kernels/avxvnni/instructions.inl.h"
#endif
namespace hearth::kernels::avxvnni {

namespace {

#include "kernels/avx2/bits.inl.h"

namespace plain {

#include "kernels/avx2/formats.inl.h"

}  // namespace plain

#include "kernels/avxvnni/formats.inl.h"

#include "kernels/avxvnni/dot.inl.h"

#include "kernels/avx2/panels.inl.h"

#include "kernels/avx2/multiply.inl.h"

}  // namespace

}  // namespace hearth::kernels::avxvnni
HEARTH_TARGET_END
