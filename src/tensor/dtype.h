// The element types of model files: one row each, numbered as GGUF numbers them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hearth {

enum class DType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
};

/// Facts of the disk format. A block is `block_len` consecutive elements of a row, stored in `block_bytes`.
struct DTypeInfo {
  DType type;
  std::string_view name;    // as written by model tools: "Q4_K"
  std::uint32_t block_len;  // elements; rows are multiples of it
  std::uint32_t block_bytes;
  [[nodiscard]] constexpr bool quantized() const { return block_len > 1; }
  [[nodiscard]] constexpr double bits_per_element() const { return 8.0 * block_bytes / block_len; }
};

/// All types, ascending by number.
std::span<const DTypeInfo> all_dtypes();
/// The row of a number found in a file, or nothing.
const DTypeInfo* find_dtype(std::uint32_t number);
const DTypeInfo* find_dtype(std::string_view name);
const DTypeInfo& dtype_info(DType type);

/// Bytes of one row of n elements; n must be a multiple of block_len.
inline std::uint64_t row_bytes(DType type, std::uint64_t n) {
  const DTypeInfo& info = dtype_info(type);
  return n / info.block_len * info.block_bytes;
}

}  // namespace hearth
