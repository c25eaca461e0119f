// Decoder: what nearly every text model ends with, and one attention state per layer. An architecture adds its layers
// and forward().
#pragma once

#include <vector>

#include "models/blocks.h"
#include "models/model.h"

namespace hearth {

class Decoder : public Model {
 public:
  explicit Decoder(const ModelConfig& config) : Model(config) {}
  [[nodiscard]] std::vector<ops::LayerState> state() const override { return attention_states(config()); }
  [[nodiscard]] ops::Tensor logits(Context& ctx, const Tensor& hidden) const override {
    return ctx.linear(hidden, ends.head());
  }

  Ends ends;
};

}  // namespace hearth
