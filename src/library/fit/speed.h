// How fast a model will answer: every token reads the weights once and the keys and values before it, so the figures
// are bytes over measured bytes per second.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "file/model_file.h"
#include "library/fit/need.h"
#include "tensor/dtype.h"

namespace hearth::fit {

/// What this machine does, measured by the caller (src/measure/decode_rates.h).
struct DeviceSpeed {
  double read_gb_s = 0;               // plain reading of memory, all threads
  std::map<DType, double> type_gb_s;  // multiplying weights of a type with one column
  int n_threads = 0;
};

/// What one token costs.
struct DecodeWork {
  std::map<DType, double> weight_bytes;  // read per token, by type
  double kv_bytes_per_token = 0;         // per position before it
  std::size_t n_layers = 0;
  [[nodiscard]] double total_weight_bytes() const;
};
/// An embedding table that is not also the output matrix is read by rows and does not count; of experts, those used.
DecodeWork work_of(const ModelFile& file, const MemoryPlan& plan, KvStorage kv);
DecodeWork work_of(const Candidate& candidate, KvStorage kv);

struct SpeedEstimate {
  double tok_s = 0;       // at the start of the context
  double tok_s_full = 0;  // at its end
  std::string how_sure;   // one sentence
};
/// 0 where nothing was measured.
SpeedEstimate estimate_speed(const DecodeWork& work, const DeviceSpeed& device, std::size_t n_ctx);

}  // namespace hearth::fit
