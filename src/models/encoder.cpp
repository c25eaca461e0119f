// How an embedding model's file says what to make of its hidden states.
#include "models/encoder.h"

namespace hearth {

Pooling read_pooling(ConfigReader& reader) {
  if (reader.flag("attention.causal", false)) {
    reader.fail_with({ErrorCode::kUnsupportedModel, "an embedding model with causal attention is not supported"});
  }
  switch (reader.integer("pooling_type", 0, 4, std::size_t{0})) {
    case 1: return Pooling::kMean;
    case 2: return Pooling::kCls;
    case 3: return Pooling::kLast;
    case 4:
      reader.fail_with({ErrorCode::kUnsupportedModel,
                        "pooling type 4 (a ranking head over pairs of texts) is not supported; known: 0 (none), 1 "
                        "(mean), 2 (first token), 3 (last token)"});
      return Pooling::kNone;
    default: return Pooling::kNone;
  }
}

Matrix load_token_types(const ModelFile& file, WeightLoader& weights, const ModelConfig& config) {
  const TensorInfo* types = file.find_tensor("token_types.weight");
  return types ? weights.matrix("token_types.weight", types->dims[1], config.dim) : Matrix{};
}

}  // namespace hearth
