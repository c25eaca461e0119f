// Who fills the tables: one function per instruction set and family of slots. <isa>/table.cpp calls them, parent first.
#pragma once

#include "kernels/table.h"

namespace hearth::kernels {

const KernelTable& scalar_table();
void fill_matmul_scalar(KernelTable& table);
void fill_quantize_scalar(KernelTable& table);
void fill_attention_scalar(KernelTable& table);
void fill_elementwise_scalar(KernelTable& table);
void fill_limits_scalar(KernelTable& table);

// x86-64
const KernelTable& avx2_table();
void fill_matmul_avx2(KernelTable& table);
void fill_quantize_avx2(KernelTable& table);
void fill_attention_avx2(KernelTable& table);
void fill_elementwise_avx2(KernelTable& table);
void fill_limits_avx2(KernelTable& table);

const KernelTable& avxvnni_table();
void fill_matmul_avxvnni(KernelTable& table);
void fill_limits_avxvnni(KernelTable& table);

const KernelTable& avx512_table();
void fill_matmul_avx512(KernelTable& table);
void fill_quantize_avx512(KernelTable& table);
void fill_attention_avx512(KernelTable& table);
void fill_elementwise_avx512(KernelTable& table);
void fill_limits_avx512(KernelTable& table);
void fill_bf16_avx512(KernelTable& table);  // for processors that multiply BF16

// arm64
const KernelTable& neon_table();
void fill_matmul_neon(KernelTable& table);
void fill_quantize_neon(KernelTable& table);
void fill_attention_neon(KernelTable& table);
void fill_elementwise_neon(KernelTable& table);
void fill_limits_neon(KernelTable& table);

const KernelTable& neon_i8mm_table();
void fill_matmul_neon_i8mm(KernelTable& table);
void fill_limits_neon_i8mm(KernelTable& table);

/// Sets one matrix product and the name `hearth doctor` and the tests show for it.
inline void set_matmul(KernelTable& table, DType type, MatmulFn function, std::string_view isa) {
  if (type == DType::kBF16) {
    table.matmul_bf16 = function;
    table.matmul_bf16_isa = isa;
  }
  table.matmul[static_cast<std::size_t>(type)] = function;
  table.matmul_isa[static_cast<std::size_t>(type)] = isa;
}

}  // namespace hearth::kernels
