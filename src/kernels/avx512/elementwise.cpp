// Element-wise kernels of the avx512 table: portable/ over avx512 registers.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__x86_64__)
#include <immintrin.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX512)
namespace hearth::kernels::avx512 {

namespace {

#include "kernels/avx512/lanes.inl.h"

#include "kernels/portable/math.inl.h"

#include "kernels/portable/elementwise.inl.h"

}  // namespace

}  // namespace hearth::kernels::avx512
HEARTH_TARGET_END

namespace hearth::kernels::avx512 {
namespace {
#include "kernels/portable/fill_elementwise.inl.h"
}  // namespace
}  // namespace hearth::kernels::avx512

namespace hearth::kernels {

void fill_elementwise_avx512(KernelTable& table) {
  avx512::fill_elementwise(table);
}

}  // namespace hearth::kernels
#endif
