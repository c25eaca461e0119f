// The plan of a load: what a model will take and give on this machine, whether that fits, what would, and how sure all
// that is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "library/fit/device_class.h"
#include "library/fit/history.h"
#include "library/fit/need.h"
#include "library/fit/proposal.h"
#include "library/fit/speed.h"
#include "library/model_report.h"

namespace hearth::fit {

/// What is known of the machine and asked of the model.
struct PlanQuestion {
  Running running;
  const DeviceClass* device = nullptr;
  Budget budget;
  std::uint64_t free_bytes = 0;
  DeviceSpeed speed;                     // read_gb_s 0: not measured
  const LoadHistory* history = nullptr;  // of this device, or null
  std::string device_key, model_key;
};

struct LoadPlan {
  Running running;
  MemoryNeed need;
  std::uint64_t predicted_bytes = 0;  // the need, corrected by what was measured before
  SpeedEstimate speed;                // corrected too
  Verdict verdict = Verdict::kNo;
  std::vector<Proposal> proposals;  // where it does not fit
  std::string how_sure;             // of the memory, one sentence
  std::optional<LoadRecord> last;   // the newest measurement of this model here
};

/// A report without memory (a model that cannot be loaded) is an error that says why.
Result<LoadPlan> plan_load(const ModelReport& report, const ModelFile& file, const PlanQuestion& question);

/// Names a file in the history: its name and size, not where it lies.
std::string model_key(const ModelFile& file);

}  // namespace hearth::fit
