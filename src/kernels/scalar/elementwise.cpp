// Element-wise kernels of the scalar table: portable/ over plain arrays of sixteen floats.
#include <cstddef>
#include <cstdint>

#include "kernels/families.h"
#include "kernels/target.h"

namespace hearth::kernels::scalar {

namespace {

#include "kernels/scalar/lanes.inl.h"

#include "kernels/portable/math.inl.h"

#include "kernels/portable/elementwise.inl.h"

#include "kernels/portable/fill_elementwise.inl.h"

}  // namespace

}  // namespace hearth::kernels::scalar

namespace hearth::kernels {

void fill_elementwise_scalar(KernelTable& table) {
  scalar::fill_elementwise(table);
}

}  // namespace hearth::kernels
