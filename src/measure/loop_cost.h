// What a generated token costs besides the model: sampling, detokenizing and bookkeeping of the real text loop.
#pragma once

#include <optional>

#include "base/result.h"
#include "hearth/language_model.h"

namespace hearth::measure {

/// Median seconds of one token.
struct LoopCost {
  int threads = 0;
  double model_s = 0;    // in evaluate
  double outside_s = 0;  // everything else, receiving the logits included
  [[nodiscard]] double share() const { return outside_s / (model_s + outside_s); }
};

/// Generates that many tokens, at least 2, by generate::TextLoop at the default sampling options. A model without a
/// vocabulary is given one of made-up words. Nothing for a model that writes no text.
Result<std::optional<LoopCost>> measure_loop(LanguageModel& model, std::size_t n_tokens, KvStorage kv,
                                             const CancelCheck& cancelled = {});

}  // namespace hearth::measure
