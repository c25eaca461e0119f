// The registry of architectures, made from architectures.inc.
#include <algorithm>
#include <iterator>

#include "models/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth {

#define ARCHITECTURE(name, load) Result<std::unique_ptr<Model>> load(LoadContext& context);
#include "models/architectures.inc"
#undef ARCHITECTURE

namespace {
constexpr Architecture kArchitectures[] = {
#define ARCHITECTURE(name, load) {name, load},
#include "models/architectures.inc"
#undef ARCHITECTURE
};
}  // namespace

std::span<const Architecture> all_architectures() {
  return kArchitectures;
}

Result<std::unique_ptr<Model>> load_model(const ModelFile& file, WeightLoader& weights) {
  HEARTH_TRY(const std::string name, file.require<std::string>("general.architecture"));
  const auto* row = std::ranges::find(kArchitectures, name, &Architecture::name);
  if (row == std::end(kArchitectures)) {
    std::vector<std::string_view> known;
    for (const Architecture& a : kArchitectures) known.push_back(a.name);
    return fail(ErrorCode::kUnsupportedModel, fmt::format("the architecture \"{}\" is not supported; supported are: {}",
                                                          name, fmt::join(known, ", ")));
  }
  LoadContext context{file, weights};
  return row->load(context);
}

}  // namespace hearth
