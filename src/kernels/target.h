// One binary serves every CPU: code between HEARTH_TARGET_BEGIN_x and HEARTH_TARGET_END is compiled for that
// instruction set, everything else for the baseline. No per-file compiler flags.
//
// Include every header before the region. Inside: intrinsics, plain structs and our own templates, in a namespace of
// the instruction set. No lambdas and no std templates: GCC gives the former the baseline's target, and the latter's
// one definition per program could come from here and run on a CPU without the instructions. GCC does not inline
// across different targets either, so helpers live inside the region.
#pragma once

#define HEARTH_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define HEARTH_TARGET_BEGIN(features) \
  HEARTH_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define HEARTH_TARGET_END HEARTH_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define HEARTH_TARGET_BEGIN(features) HEARTH_PRAGMA(GCC push_options) HEARTH_PRAGMA(GCC target(features))
#define HEARTH_TARGET_END HEARTH_PRAGMA(GCC pop_options)
#else
#error "kernels need GCC or clang: another compiler needs its own way to compile a region for an instruction set"
#endif

// Each list matches one flag of CpuFeatures.
#define HEARTH_TARGET_BEGIN_AVX2 HEARTH_TARGET_BEGIN("avx2,fma,f16c")
#define HEARTH_TARGET_BEGIN_AVX512 \
  HEARTH_TARGET_BEGIN("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")

/// For small helpers that must melt into their caller.
#define HEARTH_INLINE inline __attribute__((always_inline))
