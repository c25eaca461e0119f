// What layers with a memory of floats share: the short convolution in front of their recurrence.
#pragma once

#include "models/blocks.h"

namespace hearth {

/// A depthwise causal convolution over the last `width` positions.
struct ShortConvolution {
  Vector kernel;  // [width][channels]
  Vector bias;    // [channels] or empty
  std::size_t width = 0;

  [[nodiscard]] ops::Convolution at(std::size_t state_offset) const { return {kernel, bias, width, state_offset}; }
};
/// Floats of state it carries.
constexpr std::size_t convolution_state(std::size_t width, std::size_t channels) {
  return (width - 1) * channels;
}
/// `name`.weight [channels][width] as the file has it, and `name`.bias where there is one.
ShortConvolution load_short_convolution(WeightLoader& weights, const std::string& name, std::size_t width,
                                        std::size_t channels);
/// Which layers a file marks: an array of flags, or of 0 and 1.
std::vector<bool> read_layer_flags(ConfigReader& reader, std::string_view key, std::size_t n_layers);

}  // namespace hearth
