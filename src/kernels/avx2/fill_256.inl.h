// The products of formats with integer sub-scales inside 256 elements. Included outside of the region.

void fill(KernelTable& table, std::string_view isa) {
  set_matmul(table, DType::kQ2_K, matmul<Q2_K>, isa);
  set_matmul(table, DType::kQ3_K, matmul<Q3_K>, isa);
  set_matmul(table, DType::kQ4_K, matmul<Q4_K>, isa);
  set_matmul(table, DType::kQ5_K, matmul<Q5_K>, isa);
  set_matmul(table, DType::kQ6_K, matmul<Q6_K>, isa);
  set_matmul(table, DType::kIQ4_XS, matmul<IQ4_XS>, isa);
  set_matmul(table, DType::kTQ2_0, matmul<TQ2_0>, isa);
}
