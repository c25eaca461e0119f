// Puts the kernels of elementwise.inl.h into a table. Included outside the target region: a table is filled on every
// CPU, and a compiler may use any instruction of a region for plain stores.
void fill_elementwise(KernelTable& table) {
  table.rms_norm = rms_norm;
  table.layer_norm = layer_norm;
  table.l2_norm = l2_norm;
  table.softmax = softmax;
  table.activate = activate;
  table.gated = gated;
  table.gated_clamped = gated_clamped;
  table.soft_cap = soft_cap;
  table.dot = dot;
  table.axpy = axpy;
  table.argmax = argmax;
}
