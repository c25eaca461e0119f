// Shapes of the catalogue, in the words of the planner.
#include "library/fit/candidates.h"

namespace hearth::fit {

std::vector<Candidate> candidates_of(const library::Catalogue& catalogue) {
  std::vector<Candidate> candidates;
  for (const library::CatalogueModel& model : catalogue.models()) {
    if (!model.shape || model.n_parameters == 0 || !model.source("gguf")) continue;
    const library::CatalogueShape& shape = *model.shape;
    const std::uint64_t repeated = shape.output_twice ? std::uint64_t{shape.vocab} * shape.dim : 0;
    candidates.push_back({.name = model.name(),
                          .n_parameters = model.n_parameters + repeated,
                          .n_layers = shape.layers,
                          .dim = shape.dim,
                          .ffn_dim = shape.ffn,
                          .n_heads = shape.heads,
                          .n_kv_heads = shape.kv_heads,
                          .head_dim = shape.head_dim,
                          .vocab_size = shape.vocab,
                          .n_ctx_train = model.n_ctx,
                          .uses = model.uses});
  }
  return candidates;
}

}  // namespace hearth::fit
