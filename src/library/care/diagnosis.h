// Why a model does not load or runs slowly: causes with their stable codes and the cure of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/cores.h"
#include "device/cpu_state.h"
#include "device/memory.h"
#include "device/strain.h"
#include "library/care/load_journal.h"
#include "library/fit/need.h"

namespace hearth::care {

struct Finding {
  enum class Weight : std::uint8_t {
    kFault,  // it cannot work so
    kSlow,   // it works, and worse than it could
  };
  Weight weight = Weight::kFault;
  ErrorCode code = ErrorCode::kInternal;
  std::string what;
  std::string cure;
};

/// How the machine is; the caller reads it.
struct Machine {
  MemoryState memory;
  ProcessLimits limits;
  Strain strain;
  CpuState cpu;
  CoreCounts cores;
  int n_threads = 0;  // that a model would use
};
/// What slows any model down at the moment.
std::vector<Finding> diagnose_machine(const Machine& machine);

struct ModelQuestion {
  std::filesystem::path path;
  fit::Running running;  // n_ctx 0: 2048, or what it was trained for
  std::optional<Deaths> deaths;
  /// Seconds to spend on reading the file for its speed; 0: not at all.
  double read_seconds = 0.3;
};
/// What keeps this model from loading, or makes it load slowly; empty when nothing was found. Looks at the header, at
/// samples of the weights and at the speed of the disk.
std::vector<Finding> diagnose_model(const ModelQuestion& question, const Machine& machine);

}  // namespace hearth::care
