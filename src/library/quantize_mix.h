// Which element type each tensor gets in a quantized file: the mixes that people know by name, such as Q4_K_M. The
// rules per tensor are those of llama.cpp's llama-quantize without an importance matrix, so that sizes and quality
// compare.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/model_file.h"
#include "tensor/dtype.h"

namespace hearth::quantize {

enum class Mix : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K_S,
  kQ3_K_M,
  kQ3_K_L,
  kQ4_K_S,
  kQ4_K_M,
  kQ5_K_S,
  kQ5_K_M,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4_MOE,
};

struct MixInfo {
  Mix mix;
  std::string_view name;
  DType base;               // of most matrices
  std::uint32_t file_type;  // general.file_type
};

/// In the order of the enum.
std::span<const MixInfo> all_mixes();
/// By name, letters of either case; Q3_K, Q4_K and Q5_K mean their M. Null when unknown.
const MixInfo* find_mix(std::string_view name);

enum class Purity : std::uint8_t {
  kMixed,
  kPure,  // every matrix gets the base type
};

/// What becomes of one tensor.
struct Plan {
  const TensorInfo* tensor = nullptr;
  DType target = DType::kF32;
  /// Set when the row length does not fit the type the mix wanted: `target` stands in for it.
  std::optional<DType> unfit;
};

/// One plan per tensor, in the order of the file.
Result<std::vector<Plan>> plan_types(const ModelFile& file, const MixInfo& mix, Purity purity);

}  // namespace hearth::quantize
