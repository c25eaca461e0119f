// One call of a kernel with its operands, made once: what the micro-benchmarks time and instruction_counts counts.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/random_matrix.h"
#include "kernels/table.h"

namespace hearth::bench {

using kernels::KernelTable;
using kernels::testing::ExactBytes;

/// n x k packed weights: 16 random rows, repeated, so that large ones are made quickly.
class PackedWeights {
 public:
  PackedWeights(DType type, std::size_t n, std::size_t k)
      : n_bytes_(n / kernels::kPanelRows * kernels::panel_bytes(type, k)), panels_(n_bytes_) {
    std::mt19937 random(7);
    const kernels::testing::RandomMatrix rows(type, kernels::kPanelRows, k, random);
    const std::size_t panel = kernels::panel_bytes(type, k);
    for (std::size_t at = 0; at < n_bytes_; at += panel) std::memcpy(panels_.data() + at, rows.matrix.panels, panel);
    matrix_ = {type, n, k, panels_.data()};
  }
  [[nodiscard]] const kernels::PackedMatrix& matrix() const { return matrix_; }
  [[nodiscard]] std::size_t n_bytes() const { return n_bytes_; }

 private:
  std::size_t n_bytes_;
  ExactBytes panels_;
  kernels::PackedMatrix matrix_;
};

/// weights x columns activations; the weights must outlive it.
class MatmulCase {
 public:
  MatmulCase(const KernelTable& table, const PackedWeights& weights, std::size_t columns)
      : matmul_(table.matmul[static_cast<std::size_t>(weights.matrix().type)]),
        weights_(&weights.matrix()),
        x_(kernels::act_kind(weights_->type), columns, weights_->k, values(columns * weights_->k), table),
        out_(columns * weights_->n),
        scratch_(kernels::matmul_scratch_bytes(weights_->k)) {}
  void run() { matmul_(*weights_, x_.rows, 0, weights_->n_panels(), out_.data(), weights_->n, scratch_.data()); }
  /// Multiplications and additions.
  [[nodiscard]] double n_ops() const { return 2.0 * static_cast<double>(weights_->k * out_.size()); }

 private:
  static std::vector<float> values(std::size_t n) {
    std::mt19937 random(11);
    return kernels::testing::random_values(n, random);
  }

  kernels::MatmulFn matmul_;
  const kernels::PackedMatrix* weights_;
  kernels::testing::Activations x_;
  std::vector<float> out_;
  ExactBytes scratch_;
};

/// One block of 256 positions seen by n_rows query rows.
class AttentionCase {
 public:
  AttentionCase(const KernelTable& table, kernels::KvType type, std::size_t dim, std::size_t n_rows)
      : attention_(table.attention),
        keys_(kernels::kv_block_bytes(type, dim)),
        values_(kernels::kv_block_bytes(type, dim)),
        scratch_(kernels::attention_scratch_bytes(n_rows, dim, dim)),
        q_(n_rows * dim, 0.1f),
        max_(n_rows),
        sum_(n_rows),
        acc_(n_rows * dim),
        lo_(n_rows, 0),
        hi_(n_rows, kernels::kAttentionBlock) {
    std::vector<float> vector(dim);
    for (std::size_t j = 0; j < kernels::kAttentionBlock; ++j) {
      for (std::size_t d = 0; d < dim; ++d) vector[d] = static_cast<float>((j * 7 + d * 13) % 100) * 0.01f - 0.5f;
      table.store_key(type, dim, j, vector.data(), keys_.data());
      table.store_value(type, dim, j, vector.data(), values_.data());
    }
    block_.type = type;
    block_.k_dim = block_.v_dim = block_.q_stride = block_.acc_stride = dim;
    block_.keys = keys_.data();
    block_.values = values_.data();
    block_.n_rows = n_rows;
    block_.q = q_.data();
    block_.lo = lo_.data();
    block_.hi = hi_.data();
    block_.scale = 0.125f;
    block_.max = max_.data();
    block_.sum = sum_.data();
    block_.acc = acc_.data();
  }
  void run() { attention_(block_, scratch_.data()); }
  [[nodiscard]] double n_ops() const {
    return static_cast<double>(4 * kernels::kAttentionBlock * block_.k_dim * block_.n_rows);
  }
  [[nodiscard]] double n_bytes() const {
    return 2.0 * static_cast<double>(kernels::kv_block_bytes(block_.type, block_.k_dim));
  }

 private:
  kernels::AttentionFn attention_;
  ExactBytes keys_, values_, scratch_;
  std::vector<float> q_, max_, sum_, acc_;
  std::vector<std::int32_t> lo_, hi_;
  kernels::AttentionBlock block_;
};

/// The element-wise kernels: rows of n floats in, one row out.
class RowCase {
 public:
  enum class Kernel {
    kRmsNorm,
    kLayerNorm,
    kL2Norm,
    kSoftmax,
    kGatedSilu,
    kGatedGelu,
    kSoftCap,
    kAxpy,
    kDot,
    kArgmax,
    kQuantize32,
    kQuantize256
  };
  struct Named {
    const char* name;
    Kernel kernel;
  };
  static constexpr Named kAll[] = {{"rms_norm", Kernel::kRmsNorm},
                                   {"layer_norm", Kernel::kLayerNorm},
                                   {"l2_norm", Kernel::kL2Norm},
                                   {"softmax", Kernel::kSoftmax},
                                   {"gated_silu", Kernel::kGatedSilu},
                                   {"gated_gelu", Kernel::kGatedGelu},
                                   {"soft_cap", Kernel::kSoftCap},
                                   {"axpy", Kernel::kAxpy},
                                   {"dot", Kernel::kDot},
                                   {"argmax", Kernel::kArgmax},
                                   {"quantize_i8x32", Kernel::kQuantize32},
                                   {"quantize_i8x256", Kernel::kQuantize256}};

  RowCase(const KernelTable& table, Kernel kernel, std::size_t n)
      : table_(&table), kernel_(kernel), out_(n), codes_(n), scales_(n / 32), sums_(n / 16) {
    std::mt19937 random(13);
    a_ = kernels::testing::random_values(n, random);
    b_ = kernels::testing::random_values(n, random);
  }
  void run() {
    using kernels::Activation;
    const float *a = a_.data(), *b = b_.data();
    const std::size_t n = a_.size();
    const kernels::ActOut codes{codes_.data(), scales_.data(), sums_.data()};
    switch (kernel_) {
      case Kernel::kRmsNorm: table_->rms_norm(a, b, 1e-5f, n, out_.data()); break;
      case Kernel::kLayerNorm: table_->layer_norm(a, b, b, 1e-5f, n, out_.data()); break;
      case Kernel::kL2Norm: table_->l2_norm(a, 1e-5f, n, out_.data()); break;
      case Kernel::kSoftmax: table_->softmax(a, n, out_.data()); break;
      case Kernel::kGatedSilu: table_->gated(Activation::kSilu, a, b, n, out_.data()); break;
      case Kernel::kGatedGelu: table_->gated(Activation::kGelu, a, b, n, out_.data()); break;
      case Kernel::kSoftCap: table_->soft_cap(a, 30.0f, n, out_.data()); break;
      case Kernel::kAxpy: table_->axpy(0x1p-20f, a, n, out_.data()); break;
      case Kernel::kDot: out_[0] = table_->dot(a, b, n); break;
      case Kernel::kArgmax: out_[0] = static_cast<float>(table_->argmax(a, n)); break;
      case Kernel::kQuantize32: table_->quantize_i8x32(a, n, codes); break;
      case Kernel::kQuantize256: table_->quantize_i8x256(a, n, codes); break;
    }
  }

 private:
  const KernelTable* table_;
  Kernel kernel_;
  std::vector<float> a_, b_, out_;
  std::vector<std::int8_t> codes_;
  std::vector<float> scales_;
  std::vector<std::int32_t> sums_;
};

}  // namespace hearth::bench
