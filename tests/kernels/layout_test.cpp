// Panels: packing and unpacking are exact inverses for every matrix type, whole panels and short ones.
#include "kernels/layout.h"

#include <gtest/gtest.h>

#include "base/hash.h"

#include <cstring>
#include <random>
#include <vector>

namespace hearth::kernels {
namespace {

TEST(Layout, UnpackRestoresEveryBlock) {
  std::mt19937 random(1);
  for (const DTypeInfo& info : all_dtypes()) {
    if (!is_matrix_type(info.type)) continue;
    const std::size_t n_blocks = 3, k = n_blocks * info.block_len;
    const std::size_t row = row_bytes(info.type, k);
    for (std::size_t n_rows : {1u, 5u, 16u}) {
      std::vector<std::byte> rows(n_rows * row);
      for (std::byte& b : rows) b = static_cast<std::byte>(random());
      std::vector<std::byte> panel(panel_bytes(info.type, k));
      pack_panel(info.type, k, rows.data(), row, n_rows, panel.data());
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        for (std::size_t b = 0; b < n_blocks; ++b) {
          std::vector<std::byte> block(info.block_bytes), expected(info.block_bytes);
          if (r < n_rows) std::memcpy(expected.data(), rows.data() + r * row + b * info.block_bytes, info.block_bytes);
          unpack_block(info.type, panel.data() + b * panel_block_bytes(info.type), r, block.data());
          EXPECT_EQ(std::memcmp(block.data(), expected.data(), info.block_bytes), 0)
              << info.name << " row " << r << " block " << b;
        }
      }
    }
  }
}

// Packed weights outlive a process in the cache, whose files name the layout by its number.
TEST(Layout, ItsNumberStandsForTheseBytes) {
  Hash64 hash;
  for (const DType type :
       {DType::kF32, DType::kF16, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ8_0, DType::kQ2_K, DType::kQ3_K,
        DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kIQ2_XS, DType::kIQ3_S,
        DType::kMXFP4, DType::kTQ2_0, DType::kNVFP4}) {
    const std::size_t k = 2 * dtype_info(type).block_len;
    std::vector<std::byte> rows(13 * row_bytes(type, k)), panel(panel_bytes(type, k));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::byte>(i * 167 >> 3);
    pack_panel(type, k, rows.data(), row_bytes(type, k), 13, panel.data());
    hash.add(panel);
  }
  EXPECT_EQ(kPanelLayout, 2u);
  EXPECT_EQ(hash.value(), 15009856192623782203u)
      << "packed bytes have changed: raise kPanelLayout and state the new value here";
}

}  // namespace
}  // namespace hearth::kernels
