// The list of tables in this binary and the choice among them.
#include <algorithm>

#include "kernels/families.h"

namespace hearth::kernels {

std::span<const KernelTable* const> all_tables() {
#if defined(__x86_64__)
  static const KernelTable* const tables[] = {&scalar_table(), &avx2_table(), &avxvnni_table(), &avx512_table()};
#elif defined(__aarch64__)
  static const KernelTable* const tables[] = {&scalar_table(), &neon_table(), &neon_i8mm_table()};
#else
  static const KernelTable* const tables[] = {&scalar_table()};
#endif
  return tables;
}

const KernelTable& best_table(const CpuFeatures& cpu) {
  const auto tables = all_tables();
  // The scalar table is first and supports everything.
  return **std::find_if(tables.rbegin(), tables.rend(),
                        [&](const KernelTable* table) { return table->supported(cpu); });
}

const KernelTable* find_table(std::string_view name) {
  const auto tables = all_tables();
  const auto found = std::ranges::find(tables, name, &KernelTable::name);
  return found == tables.end() ? nullptr : *found;
}

ActKind act_kind(DType weight) {
  switch (dtype_info(weight).block_len) {
    case 1: return ActKind::kF32;
    case 256: return ActKind::kI8x256;
    default: return ActKind::kI8x32;
  }
}

}  // namespace hearth::kernels
