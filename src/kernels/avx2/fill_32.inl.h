// The products of formats with a float scale per 32 elements, or two. Included outside of the region.

void fill(KernelTable& table, std::string_view isa) {
  set_matmul(table, DType::kQ4_0, matmul<Q4_0>, isa);
  set_matmul(table, DType::kQ4_1, matmul<Q4_1>, isa);
  set_matmul(table, DType::kQ5_0, matmul<Q5_0>, isa);
  set_matmul(table, DType::kQ5_1, matmul<Q5_1>, isa);
  set_matmul(table, DType::kQ8_0, matmul<Q8_0>, isa);
  set_matmul(table, DType::kIQ4_NL, matmul<IQ4_NL>, isa);
  set_matmul(table, DType::kMXFP4, matmul<MXFP4>, isa);
  set_matmul(table, DType::kNVFP4, matmul<NVFP4>, isa);
}
