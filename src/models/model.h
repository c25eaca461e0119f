// A model: weights, what it remembers per layer, and its forward pass. One file per architecture implements this.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/config.h"
#include "ops/context.h"
#include "ops/state.h"
#include "weights/loader.h"

namespace hearth {

/// How an embedding model turns hidden states of all positions into one vector.
enum class Pooling : std::uint8_t { kNone, kMean, kCls, kLast, kRank };

/// Immutable after loading; forward() may run for several sequences at once, each with its own context.
class Model {
 public:
  virtual ~Model() = default;
  [[nodiscard]] const ModelConfig& config() const { return config_; }
  /// One entry per layer.
  [[nodiscard]] virtual std::vector<ops::LayerState> state() const = 0;
  /// The micro-batch through all layers -> [wanted rows, dim], after the final norm. Ends early when cancelled.
  virtual Result<ops::Tensor> forward(ops::Context& ctx) const = 0;
  /// Hidden states [n, dim] -> logits [n, vocab_size]. Not called for encoders.
  virtual ops::Tensor logits(ops::Context& ctx, const ops::Tensor& hidden) const = 0;
  /// Encoders see the whole input at once and have no logits.
  [[nodiscard]] virtual bool is_encoder() const { return false; }
  [[nodiscard]] virtual Pooling pooling() const { return Pooling::kNone; }

 protected:
  explicit Model(ModelConfig config) : config_(std::move(config)) {}

 private:
  ModelConfig config_;
};

/// Everything an architecture needs to come to life.
struct LoadContext {
  const ModelFile& file;
  WeightLoader& weights;
};

/// One line of the registry.
struct Architecture {
  std::string_view name;  // as `general.architecture` says
  Result<std::unique_ptr<Model>> (*load)(LoadContext& context);
};

/// All architectures, sorted by name.
std::span<const Architecture> all_architectures();
/// Loads the architecture that the file names; an unknown one is an error that lists what is supported.
Result<std::unique_ptr<Model>> load_model(const ModelFile& file, WeightLoader& weights);

}  // namespace hearth
