// Finding shape and mix by name.
#include "cli/synthetic_name.h"

#include <vector>

#include "base/closest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::cli {

namespace {

std::vector<std::string_view> shape_names() {
  std::vector<std::string_view> names;
  for (const synthetic::Shape& shape : synthetic::all_shapes()) names.push_back(shape.name);
  return names;
}

}  // namespace

Checked<SyntheticName> parse_synthetic_name(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    return usage_error(fmt::format("\"{}\" is not SHAPE:TYPE, such as llama-3.2-1b:Q4_K_M", text));
  const std::string shape = text.substr(0, colon), type = text.substr(colon + 1);
  const SyntheticName found{synthetic::find_shape(shape), quantize::find_mix(type)};
  if (found.shape == nullptr) {
    return usage_error(fmt::format("there is no shape \"{}\"{}; the shapes are {}", shape,
                                   did_you_mean(shape, shape_names()), synthetic_shape_names()));
  }
  if (found.mix == nullptr) {
    std::vector<std::string_view> names;
    for (const quantize::MixInfo& mix : quantize::all_mixes()) names.push_back(mix.name);
    return usage_error(fmt::format("there is no type \"{}\"; the types are {}", type, fmt::join(names, ", ")));
  }
  return found;
}

std::string synthetic_shape_names() {
  return fmt::format("{}", fmt::join(shape_names(), ", "));
}

}  // namespace hearth::cli
