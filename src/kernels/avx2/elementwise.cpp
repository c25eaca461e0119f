// Element-wise kernels of the avx2 table: portable/ over avx2 registers.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__x86_64__)
#include <immintrin.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_AVX2)
namespace hearth::kernels::avx2 {

namespace {

#include "kernels/avx2/lanes.inl.h"

#include "kernels/portable/math.inl.h"

#include "kernels/portable/elementwise.inl.h"

}  // namespace

}  // namespace hearth::kernels::avx2
HEARTH_TARGET_END

namespace hearth::kernels::avx2 {
namespace {
#include "kernels/portable/fill_elementwise.inl.h"
}  // namespace
}  // namespace hearth::kernels::avx2

namespace hearth::kernels {

void fill_elementwise_avx2(KernelTable& table) {
  avx2::fill_elementwise(table);
}

}  // namespace hearth::kernels
#endif
