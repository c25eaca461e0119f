// The flags that say how the next token is chosen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "hearth/request.h"
#include "hearth/sampling.h"

namespace hearth::cli {

class SamplingFlags {
 public:
  void declare(Flags& flags);
  /// What the flags ask for; the rest stays open.
  [[nodiscard]] Checked<SamplingRequest> request() const;

 private:
  SamplingRequest values_;
  // The options of a step; the one that turns it on stands alone.
  DryOptions dry_;
  XtcOptions xtc_;
  MirostatOptions mirostat_;
  std::optional<float> dry_multiplier_, xtc_probability_;
  std::optional<std::int32_t> mirostat_version_;
  bool greedy_ = false;
  std::optional<std::size_t> seed_, n_logprobs_;
  std::vector<std::string> logit_bias_;
  std::string order_;
};

}  // namespace hearth::cli
