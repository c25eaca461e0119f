// Random weights and activations for the tests of matrix products, in buffers of exactly the promised size.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "kernels/table.h"
#include "tensor/quant/codec.h"

namespace hearth::kernels::testing {

/// A heap block of exactly n bytes, 64-byte aligned, so that the address sanitizer sees the first byte beyond.
class ExactBytes {
 public:
  explicit ExactBytes(std::size_t n_bytes) : data_(static_cast<std::byte*>(::operator new(n_bytes, kAlign))) {}
  ~ExactBytes() { ::operator delete(data_, kAlign); }
  ExactBytes(ExactBytes&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  ExactBytes& operator=(ExactBytes&&) = delete;
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }

 private:
  static constexpr std::align_val_t kAlign{64};
  std::byte* data_;
};

/// Random bytes, drawn again until every value they stand for lies in [-limit, limit] and one of them is not tiny.
inline void random_block(const QuantCodec& codec, std::mt19937& random, float limit, std::byte* block) {
  const DTypeInfo& info = dtype_info(codec.type);
  std::vector<float> values(info.block_len);
  for (bool good = false; !good;) {
    for (std::size_t i = 0; i < info.block_bytes; ++i) block[i] = static_cast<std::byte>(random());
    codec.decode(block, values.data(), values.size());
    float largest = 0;
    good = true;
    for (float v : values) {
      good = good && std::isfinite(v) && std::fabs(v) <= limit;
      largest = std::fmax(largest, std::fabs(v));
    }
    good = good && largest >= limit / 4096;
  }
}

struct RandomMatrix {
  RandomMatrix(DType type, std::size_t n, std::size_t k, std::mt19937& random, float limit = 16.0f)
      : codec(*find_codec(type)), rows(n * row_bytes(type, k)), panels((n + 15) / 16 * panel_bytes(type, k)) {
    const DTypeInfo& info = dtype_info(type);
    for (std::size_t at = 0; at < rows.size(); at += info.block_bytes) random_block(codec, random, limit, &rows[at]);
    matrix = {type, n, k, panels.data()};
    pack();
  }
  /// After a change of `rows`.
  void pack() {
    const std::size_t row = row_bytes(matrix.type, matrix.k);
    for (std::size_t p = 0; p < matrix.n_panels(); ++p) {
      pack_panel(matrix.type, matrix.k, rows.data() + p * 16 * row, row, std::min<std::size_t>(16, matrix.n - p * 16),
                 panels.data() + p * panel_bytes(matrix.type, matrix.k));
    }
  }
  /// Row n as the format's own decoder gives it.
  std::vector<float> decoded(std::size_t n) const {
    std::vector<float> values(matrix.k);
    codec.decode(rows.data() + n * row_bytes(matrix.type, matrix.k), values.data(), matrix.k);
    return values;
  }

  const QuantCodec& codec;
  std::vector<std::byte> rows;
  ExactBytes panels;
  PackedMatrix matrix;
};

/// m rows of k floats, quantised by `table` in the form `kind`.
struct Activations {
  Activations(ActKind kind, std::size_t m, std::size_t k, const std::vector<float>& x, const KernelTable& table)
      : values(m * k * sizeof(float)),
        codes(kind == ActKind::kF32 ? 0 : m * k),
        scales(kind == ActKind::kF32 ? 0 : m * k / (kind == ActKind::kI8x256 ? 256 : 32) * sizeof(float)),
        sums(kind == ActKind::kF32 ? 0 : m * k / (kind == ActKind::kI8x256 ? 16 : 32) * sizeof(std::int32_t)) {
    std::memcpy(values.data(), x.data(), m * k * sizeof(float));
    const std::size_t scale_len = kind == ActKind::kI8x256 ? 256 : 32, sum_len = kind == ActKind::kI8x256 ? 16 : 32;
    auto* c = reinterpret_cast<std::int8_t*>(codes.data());
    auto* s = reinterpret_cast<float*>(scales.data());
    auto* t = reinterpret_cast<std::int32_t*>(sums.data());
    const auto quantize = kind == ActKind::kI8x256 ? table.quantize_i8x256 : table.quantize_i8x32;
    for (std::size_t row = 0; row < m && kind != ActKind::kF32; ++row) {
      quantize(x.data() + row * k, k, {c + row * k, s + row * (k / scale_len), t + row * (k / sum_len)});
    }
    rows = {kind, m, k, reinterpret_cast<float*>(values.data()), k, c, s, t};
  }
  /// Row `row` alone.
  ActRows one(std::size_t row) const {
    const std::size_t scale_len = rows.kind == ActKind::kI8x256 ? 256 : 32;
    const std::size_t sum_len = rows.kind == ActKind::kI8x256 ? 16 : 32;
    return {rows.kind,
            1,
            rows.k,
            rows.values + row * rows.value_stride,
            rows.value_stride,
            rows.codes + row * rows.k,
            rows.scales + row * (rows.k / scale_len),
            rows.sums + row * (rows.k / sum_len)};
  }

  ExactBytes values, codes, scales, sums;
  ActRows rows;
};

inline std::vector<float> random_values(std::size_t n, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, 1.0f);
  std::vector<float> x(n);
  for (float& v : x) v = normal(random);
  return x;
}

/// [m][n] results of the whole matrix by one product.
inline std::vector<float> multiply(MatmulFn product, const PackedMatrix& w, const ActRows& x) {
  std::vector<float> out(x.m * w.n);
  ExactBytes scratch(matmul_scratch_bytes(w.k));
  product(w, x, 0, w.n_panels(), out.data(), w.n, scratch.data());
  return out;
}
inline std::vector<float> multiply(const KernelTable& table, const PackedMatrix& w, const ActRows& x) {
  return multiply(table.matmul[static_cast<std::size_t>(w.type)], w, x);
}

/// Equal bits; a NaN equals any other, since no recipe can fix which NaN a processor returns.
inline bool same(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

}  // namespace hearth::kernels::testing
