// The flags of commands that talk to a model in messages: how to answer, and opening the generator.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "cli/model_flags.h"
#include "cli/outcome.h"
#include "cli/sampling_flags.h"
#include "generate/local_generator.h"

namespace hearth::cli {

class GeneratorFlags {
 public:
  /// MODEL and every flag.
  void declare(Flags& flags);
  /// What the flags say about answers; without messages.
  [[nodiscard]] Checked<Request> request() const;
  [[nodiscard]] Checked<std::unique_ptr<generate::LocalGenerator>> open(const Settings& settings);
  /// One line about the model that was opened.
  [[nodiscard]] const std::string& description() const { return description_; }

 private:
  ModelFlags model_;
  SamplingFlags sampling_;
  std::string preset_ = "default", template_, thinking_ = "default", context_ = "drop-oldest";
  std::optional<std::size_t> max_tokens_, max_sentences_;
  std::vector<std::string> stop_;
  std::string description_;
};

}  // namespace hearth::cli
