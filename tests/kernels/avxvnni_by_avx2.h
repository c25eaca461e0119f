// The avxvnni table with its two instructions written out in AVX2: every other line of it runs on processors that lack
// them.
#pragma once

#include "kernels/families.h"
#include "kernels/take_apart.h"

#if defined(__x86_64__)
#define HEARTH_AVXVNNI_BY_AVX2
#include "kernels/avxvnni/blocks.inl.h"
#undef HEARTH_AVXVNNI_BY_AVX2

namespace hearth::kernels::avxvnni {

namespace {

namespace blocks_32 {
#include "kernels/avx2/fill_32.inl.h"
}
namespace blocks_256 {
#include "kernels/avx2/fill_256.inl.h"
}
namespace blocks_any {
#include "kernels/avx2/fill_any.inl.h"
}

const KernelTable& table_by_avx2() {
  static const KernelTable table = [] {
    KernelTable made = avx2_table();
    made.name = "avxvnni by avx2";
    blocks_any::fill(made, made.name);
    blocks_32::fill(made, made.name);
    blocks_256::fill(made, made.name);
    return made;
  }();
  return table;
}

}  // namespace

}  // namespace hearth::kernels::avxvnni
#endif
