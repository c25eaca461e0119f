// The flags that say how the next token is chosen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/outcome.h"
#include "hearth/sampling.h"

namespace hearth::cli {

class SamplingFlags {
 public:
  void declare(Flags& flags);
  /// The options the flags ask for. Without --seed a fresh seed is taken.
  [[nodiscard]] Checked<SamplerOptions> options() const;

 private:
  SamplerOptions values_;
  bool greedy_ = false;
  std::optional<std::size_t> seed_, n_logprobs_;
  std::vector<std::string> logit_bias_;
  std::string order_;
};

}  // namespace hearth::cli
