// A model with the vocabulary of another file: random weights that read and write real text.
#pragma once

#include "engine/passing_model.h"

namespace hearth::bench {

/// Both must outlive it.
class SpeakingModel final : public PassingModel {
 public:
  SpeakingModel(LanguageModel& model, const Vocabulary& vocabulary) : PassingModel(model), vocabulary_(vocabulary) {}
  [[nodiscard]] const Vocabulary* vocabulary() const override { return &vocabulary_; }

 private:
  const Vocabulary& vocabulary_;
};

}  // namespace hearth::bench
