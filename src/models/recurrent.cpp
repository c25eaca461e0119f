// The kernel is turned at the border: the operation reads one tap of all channels at a time.
#include "models/recurrent.h"

namespace hearth {

ShortConvolution load_short_convolution(WeightLoader& weights, const std::string& name, std::size_t width,
                                        std::size_t channels) {
  const Vector by_channel = weights.table(name + ".weight", channels, width);
  ShortConvolution conv{
      .kernel = Vector(by_channel.size()), .bias = weights.optional_vector(name + ".bias", channels), .width = width};
  for (std::size_t i = 0; i < by_channel.size(); ++i) conv.kernel[i % width * channels + i / width] = by_channel[i];
  return conv;
}

std::vector<bool> read_layer_flags(ConfigReader& reader, std::string_view key, std::size_t n_layers) {
  const std::string full_key = reader.full_key(key);
  const auto value = reader.file().find_metadata(full_key);
  const auto* array = value ? std::get_if<MetadataArray>(&value->value) : nullptr;
  if (array && array->element == ValueType::kBool) {
    auto flags = reader.file().require_array<bool>(full_key, n_layers);
    if (flags) return *flags;
    reader.fail_with(std::move(flags.error()));
    return std::vector<bool>(n_layers);
  }
  const std::vector<std::size_t> numbers = reader.per_layer(key, n_layers, 0, 1);
  return {numbers.begin(), numbers.end()};
}

}  // namespace hearth
