// Bytes per token over bytes per second.
#include "library/fit/speed.h"

#include <algorithm>
#include <numeric>

namespace hearth::fit {

namespace {

/// What a layer costs besides reading: handing five pieces of work to the threads and collecting them, norms. 57 and 80
/// microseconds were measured with two models and two threads of a Zen 3.
constexpr double kLayerSeconds = 60e-6;
/// A type that was not measured is taken for one that unpacks slowly.
constexpr double kUnmeasuredShare = 0.5;

}  // namespace

double DecodeWork::total_weight_bytes() const {
  return std::accumulate(weight_bytes.begin(), weight_bytes.end(), 0.0,
                         [](double sum, const auto& entry) { return sum + entry.second; });
}

DecodeWork work_of(const ModelFile& file, const MemoryPlan& plan, KvStorage kv) {
  const auto architecture = file.value_or<std::string>("general.architecture", "");
  const std::string prefix = architecture ? *architecture + "." : "";
  const auto n_experts = file.value_or<std::uint32_t>(prefix + "expert_count", 0);
  const auto n_used = file.value_or<std::uint32_t>(prefix + "expert_used_count", 0);
  const double share =
      n_experts && n_used && *n_experts > 0 && *n_used > 0 ? static_cast<double>(*n_used) / *n_experts : 1;
  const bool own_output = file.find_tensor("output.weight") != nullptr;
  DecodeWork work;
  for (const TensorInfo& tensor : file.tensors()) {
    if (tensor.name == "token_embd.weight" && own_output) continue;
    const bool expert = tensor.name.find("_exps.") != std::string_view::npos;
    work.weight_bytes[tensor.dtype] += (expert ? share : 1) * static_cast<double>(tensor.size_bytes);
  }
  work.kv_bytes_per_token = static_cast<double>(plan.kv_bytes_per_token[static_cast<std::size_t>(kv)]);
  work.n_layers = file.value_or<std::uint32_t>(prefix + "block_count", 0).value_or(0);
  return work;
}

DecodeWork work_of(const Candidate& candidate, KvStorage kv) {
  const MemoryPlan plan = plan_of(candidate);
  DecodeWork work;
  const DType type = candidate.bits_per_weight < 7    ? DType::kQ4_K
                     : candidate.bits_per_weight < 12 ? DType::kQ8_0
                                                      : DType::kF16;
  work.weight_bytes[type] = candidate.active_fraction * static_cast<double>(plan.weight_bytes);
  work.kv_bytes_per_token = static_cast<double>(plan.kv_bytes_per_token[static_cast<std::size_t>(kv)]);
  work.n_layers = candidate.n_layers;
  return work;
}

SpeedEstimate estimate_speed(const DecodeWork& work, const DeviceSpeed& device, std::size_t n_ctx) {
  if (device.read_gb_s <= 0) return {.how_sure = "the speed of this machine was not measured"};
  double seconds = kLayerSeconds * static_cast<double>(work.n_layers), unmeasured = 0;
  for (const auto& [type, n_bytes] : work.weight_bytes) {
    const auto rate = device.type_gb_s.find(type);
    const bool known = rate != device.type_gb_s.end() && rate->second > 0;
    if (!known) unmeasured += n_bytes;
    seconds += n_bytes / 1e9 / (known ? rate->second : kUnmeasuredShare * device.read_gb_s);
  }
  const double full = seconds + work.kv_bytes_per_token * static_cast<double>(n_ctx) / 1e9 / device.read_gb_s;
  const bool sure = unmeasured <= 0.05 * work.total_weight_bytes();
  return {.tok_s = 1 / seconds,
          .tok_s_full = 1 / full,
          .how_sure = sure ? "within a fifth, from this machine's kernels measured on these types"
                           : "roughly: not all element types of the model were measured here"};
}

}  // namespace hearth::fit
