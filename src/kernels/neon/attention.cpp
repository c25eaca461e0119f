// Attention of the neon table: portable/ over 128-bit registers.
#include "kernels/families.h"
#include "kernels/kv_layout.h"
#include "kernels/target.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_DOTPROD)
namespace hearth::kernels::neon {

namespace {

#include "kernels/neon/lanes.inl.h"

#include "kernels/portable/math.inl.h"

#include "kernels/portable/attention.inl.h"

}  // namespace

}  // namespace hearth::kernels::neon
HEARTH_TARGET_END

namespace hearth::kernels::neon {
namespace {
#include "kernels/portable/fill_attention.inl.h"
}  // namespace
}  // namespace hearth::kernels::neon

namespace hearth::kernels {

void fill_attention_neon(KernelTable& table) {
  neon::fill_attention(table);
}

}  // namespace hearth::kernels
#endif
