// Makes a quantized copy of a model file: every tensor decoded, encoded as the mix wants, streamed into a new GGUF.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "file/model_file.h"
#include "library/quantize_mix.h"

namespace hearth::quantize {

struct Options {
  const MixInfo* mix = nullptr;
  Purity purity = Purity::kMixed;
  /// A source that is quantized already loses twice, so it must be asked for.
  enum class Requantize : std::uint8_t { kRefuse, kAllow } requantize = Requantize::kRefuse;
  /// Called before each tensor.
  std::function<void(const Plan& plan, std::size_t idx, std::size_t n_tensors)> progress;
};

struct Report {
  std::vector<Plan> plans;  // valid as long as the source file
  std::uint64_t tensor_bytes_before = 0, tensor_bytes_after = 0;
  std::uint64_t n_elements = 0;
};

/// Writes `out`, which appears whole or not at all. The bytes do not depend on the pool. Values that are not finite are
/// an error that names the tensor.
Result<Report> quantize_file(const ModelFile& in, const std::filesystem::path& out, const Options& options,
                             ThreadPool& pool);

}  // namespace hearth::quantize
