// Weights as operations see them: plain views, whoever owns the memory.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/layout.h"

namespace hearth::kernels {

/// out = W x + bias. matrix: n outputs, k inputs.
struct LinearView {
  PackedMatrix matrix;
  std::span<const float> bias;  // [n] or empty
};

/// The same matrix shape once per expert, panels of an expert contiguous.
struct ExpertsView {
  PackedMatrix first;  // expert 0
  std::size_t n_experts = 0;
  std::span<const float> bias;  // [n_experts][n] or empty
  [[nodiscard]] PackedMatrix expert(std::size_t e) const {
    PackedMatrix matrix = first;
    matrix.panels += e * matrix.n_panels() * panel_bytes(matrix.type, matrix.k);
    return matrix;
  }
};

}  // namespace hearth::kernels
