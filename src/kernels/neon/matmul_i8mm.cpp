// Matrix products of the neon_i8mm table: block formats with smmla wherever two columns meet.
#include "kernels/families.h"
#include "kernels/neon/unpack.h"
#include "kernels/target.h"
#include "tensor/quant/codec.h"
#include "tensor/quant/table_blocks.h"

#if defined(__aarch64__)
#include <arm_neon.h>

HEARTH_TARGET_BEGIN(HEARTH_ISA_I8MM)
namespace hearth::kernels::neon_i8mm {

namespace {

#include "kernels/neon/formats.inl.h"

#include "kernels/neon/dot.inl.h"

#include "kernels/neon/dot_i8mm.inl.h"

#include "kernels/neon/multiply.inl.h"

#include "kernels/neon/drive.inl.h"

}  // namespace

}  // namespace hearth::kernels::neon_i8mm
HEARTH_TARGET_END

namespace hearth::kernels {

void fill_matmul_neon_i8mm(KernelTable& table) {
  for (const QuantCodec& codec : all_codecs()) {
    if (codec.form != CodesForm::kNone) set_matmul(table, codec.type, neon_i8mm::matmul_unpacked, "neon_i8mm");
  }
  neon_i8mm::fill_blocks(table, "neon_i8mm");
}

}  // namespace hearth::kernels
#endif
