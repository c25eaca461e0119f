// Encoder: what embedding models share. They see their whole input at once and end with hidden states.
#pragma once

#include "models/blocks.h"
#include "models/model.h"

namespace hearth {

class Encoder : public Model {
 public:
  Encoder(const ModelConfig& config, Pooling pooling) : Model(config), pooling_(pooling) {}
  [[nodiscard]] std::vector<ops::LayerState> state() const override { return attention_states(config()); }
  [[nodiscard]] ops::Tensor logits(Context&, const Tensor&) const override { return {}; }
  [[nodiscard]] bool is_encoder() const override { return true; }
  [[nodiscard]] Pooling pooling() const override { return pooling_; }

 private:
  Pooling pooling_;
};

/// pooling_type. Ranking heads and encoders that look back only are refused.
Pooling read_pooling(ConfigReader& reader);

/// token_types.weight [n_types, dim]: its first row is added to every token of a text. Empty where the file has none.
Matrix load_token_types(const ModelFile& file, WeightLoader& weights, const ModelConfig& config);

}  // namespace hearth
