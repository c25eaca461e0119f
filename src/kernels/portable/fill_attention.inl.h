// Puts the kernels of attention.inl.h into a table. Included outside the target region: a table is filled on every CPU,
// and a compiler may use any instruction of a region for plain stores.
void fill_attention(KernelTable& table) {
  table.store_key = store_key;
  table.store_value = store_value;
  table.attention = attention;
  table.attention_merge = attention_merge;
  table.attention_finish = attention_finish;
}
