// Weights in memory: one packed copy of each matrix, small tensors as floats.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kernels/linear.h"

namespace hearth {

/// A norm weight, a bias, any small tensor: always float32.
using Vector = std::vector<float>;

/// A packed matrix of n rows (outputs) and k columns (inputs). Also an embedding table: rows decode one by one.
struct Matrix {
  DType type = DType::kF32;
  std::size_t n = 0, k = 0;
  std::shared_ptr<const std::byte> panels;  // memory of its own, or a part of a mapped cache file

  [[nodiscard]] explicit operator bool() const { return n != 0; }
  [[nodiscard]] kernels::PackedMatrix view() const { return {type, n, k, panels.get()}; }
};

/// Named rows inside a merged matrix: adapters may target one of them.
struct Segment {
  std::string name;
  std::size_t row_begin = 0, n_rows = 0;
};

struct Linear {
  Matrix matrix;
  Vector bias;  // empty: none
  std::vector<Segment> segments;

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(matrix); }
  // NOLINTNEXTLINE(google-explicit-constructor): so that models read ctx.linear(x, wq)
  operator kernels::LinearView() const { return {matrix.view(), bias}; }
};

/// The matrices of all experts of one layer, one after the other.
struct Experts {
  std::size_t n_experts = 0;
  Matrix matrices;  // n = rows of ONE expert; panels of all
  Vector bias;      // [n_experts][n] or empty

  [[nodiscard]] explicit operator bool() const { return n_experts != 0; }
  operator kernels::ExpertsView() const { return {matrices.view(), n_experts, bias}; }  // NOLINT
};

}  // namespace hearth
