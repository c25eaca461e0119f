// One binary serves every CPU: code between HEARTH_TARGET_BEGIN(HEARTH_ISA_x) and HEARTH_TARGET_END is compiled for
// that instruction set, everything else for the baseline. No per-file compiler flags.
//
// Include every header before the region. Inside: intrinsics, plain structs and our own inline functions, in a
// namespace of the instruction set and an anonymous one. No lambdas and no std templates: GCC gives the former the
// baseline's target, and the latter's one definition per program could come from here and run on a CPU without the
// instructions. Nothing that runs on every CPU, such as filling a table: a compiler may use any instruction of a region
// for plain stores. GCC does not inline across different targets either, so helpers live inside the region.
#pragma once

#define HEARTH_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define HEARTH_TARGET_BEGIN(isa) HEARTH_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#define HEARTH_TARGET_END HEARTH_PRAGMA(clang attribute pop)
#else
// GCC 12's intrinsics leave registers they do not use uninitialised on purpose and then warn of it.
#define HEARTH_TARGET_BEGIN(isa)                                \
  HEARTH_PRAGMA(GCC push_options)                               \
  HEARTH_PRAGMA(GCC target(isa))                                \
  HEARTH_PRAGMA(GCC diagnostic push)                            \
  HEARTH_PRAGMA(GCC diagnostic ignored "-Wmaybe-uninitialized") \
  HEARTH_PRAGMA(GCC diagnostic ignored "-Wuninitialized")
#define HEARTH_TARGET_END HEARTH_PRAGMA(GCC diagnostic pop) HEARTH_PRAGMA(GCC pop_options)
#endif

/// For small helpers that must melt into their caller.
#define HEARTH_INLINE [[gnu::always_inline]] inline

// The regions; each matches a flag of CpuFeatures.
#define HEARTH_ISA_AVX2 "avx2,fma,f16c"
#define HEARTH_ISA_AVXVNNI "avx2,fma,f16c,avxvnni"
#define HEARTH_ISA_AVX512 "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi"
#define HEARTH_ISA_AVX512_BF16 HEARTH_ISA_AVX512 ",avx512bf16"
#if defined(__clang__)
#define HEARTH_ISA_DOTPROD "dotprod"
#define HEARTH_ISA_I8MM "dotprod,i8mm"
#else
#define HEARTH_ISA_DOTPROD "arch=armv8.2-a+dotprod"
#define HEARTH_ISA_I8MM "arch=armv8.2-a+dotprod+i8mm"
#endif

/// Before a loop whose trip count is a small constant: its body indexes registers and must be unrolled completely.
/// Builds with a sanitizer keep such loops: instrumented straight-line code of that length takes minutes to compile.
#if defined(__clang__)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEARTH_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define HEARTH_UNROLL _Pragma("unroll")
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEARTH_UNROLL _Pragma("GCC unroll 1")
#else
#define HEARTH_UNROLL _Pragma("GCC unroll 64")
#endif
