// Element-wise kernels of the neon table: portable/ over 128-bit registers.
#include "kernels/families.h"
#include "kernels/target.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_DOTPROD)
namespace hearth::kernels::neon {

namespace {

#include "kernels/neon/lanes.inl.h"

#include "kernels/portable/math.inl.h"

#include "kernels/portable/elementwise.inl.h"

}  // namespace

}  // namespace hearth::kernels::neon
HEARTH_TARGET_END

namespace hearth::kernels::neon {
namespace {
#include "kernels/portable/fill_elementwise.inl.h"
}  // namespace
}  // namespace hearth::kernels::neon

namespace hearth::kernels {

void fill_elementwise_neon(KernelTable& table) {
  neon::fill_elementwise(table);
}

}  // namespace hearth::kernels
#endif
