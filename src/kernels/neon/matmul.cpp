// Matrix products of the neon table: block formats with sdot.
#include "kernels/families.h"
#include "kernels/neon/matmul_float.h"
#include "kernels/neon/unpack.h"
#include "kernels/target.h"
#include "tensor/quant/codec.h"
#include "tensor/quant/table_blocks.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_DOTPROD)
namespace hearth::kernels::neon {

namespace {

#include "kernels/neon/formats.inl.h"

#include "kernels/neon/dot.inl.h"

#include "kernels/neon/multiply.inl.h"

#include "kernels/neon/drive.inl.h"

}  // namespace

}  // namespace hearth::kernels::neon
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_matmul_neon(KernelTable& table) {
  for (const QuantCodec& codec : all_codecs()) {
    if (codec.form != CodesForm::kNone) set_matmul(table, codec.type, neon::matmul_unpacked, "neon");
  }
  neon::fill_blocks(table, "neon");
  neon::fill_matmul_float(table);
}

}  // namespace hearth::kernels
#endif
