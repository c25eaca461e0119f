// Whether a model fits, and if not, what would: a shorter context, smaller keys and values, another quantization, a
// smaller model. In that order of what it costs the user.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/fit/device_class.h"
#include "library/fit/need.h"

namespace hearth::fit {

enum class Verdict : std::uint8_t {
  kComfortable,
  kTight,  // in the share of an app, with little room to grow
  kAlone,  // only when nothing else runs
  kBusy,   // it would fit, and at the moment something else holds the memory
  kNo,
};
/// "fits", "fits, with little room to spare", ...
std::string_view verdict_text(Verdict verdict);

/// `free_bytes` is what the system could give now.
Verdict judge(std::uint64_t need_bytes, const Budget& budget, std::uint64_t free_bytes);
/// Of a device that is not this one: nothing is known of what is free.
Verdict judge(std::uint64_t need_bytes, const Budget& budget);

/// A change that makes a model fit.
struct Proposal {
  std::string what;  // "--ctx 2048 --kv q8_0", "the same model as Q3_K_M"
  std::uint64_t need_bytes = 0;
  Verdict verdict = Verdict::kNo;
};
/// Changes to a model that does not fit within `limit_bytes`, the mildest first; none when nothing helps.
std::vector<Proposal> propose(const MemoryPlan& plan, std::uint64_t n_parameters, const Running& wanted,
                              const Budget& budget, std::uint64_t free_bytes);

/// A model for a device.
struct Pick {
  const Candidate* model = nullptr;
  Running running;
  MemoryNeed need;
  Verdict verdict = Verdict::kNo;
};
/// The candidates for a use that fit, the largest first; an empty `use` is any. Contexts are halved down to 2048 and
/// keys and values stored in 8 bits where that makes one fit comfortably. Ends with those that fit less well.
std::vector<Pick> recommend(std::span<const Candidate> candidates, std::string_view use, const DeviceClass& device,
                            const Budget& budget);

}  // namespace hearth::fit
