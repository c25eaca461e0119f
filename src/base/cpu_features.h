// What this CPU can do, asked once, as plain data.
#pragma once

#include <string>

namespace hearth {

struct CpuFeatures {
  // x86-64. Each flag includes the operating system's support for the registers it needs.
  bool avx2_fma = false;     // AVX2, FMA, F16C
  bool avx_vnni = false;     // 256-bit vpdpbusd without AVX-512
  bool avx512 = false;       // F, BW, DQ, VL
  bool avx512_vnni = false;  // vpdpbusd on 512 bits, with VBMI
  bool avx512_bf16 = false;
  // arm64
  bool neon = false;
  bool dotprod = false;
  bool i8mm = false;
  std::string model_name;  // as the system reports it; may be empty
};

CpuFeatures detect_cpu_features();

}  // namespace hearth
