// The matrix product in its obvious form, one for all block formats: the specification of the others.
//
// Each row's block is restored from the panel, taken apart into integers (tensor/quant/codes.h) and multiplied as
// docs/numerics.md says. The output itself is the accumulator.
#include <algorithm>
#include <cmath>

#include "kernels/families.h"
#include "tensor/quant/codec.h"

namespace hearth::kernels {

namespace {

/// sum over n elements of w * x, exact.
std::int32_t dot(const std::int8_t* w, const std::int8_t* x, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::int32_t{w[i]} * x[i];
  return sum;
}

/// One block of activations of one row.
struct ActBlock {
  const std::int8_t* codes;
  const float* scales;
  const std::int32_t* sums;
};

template <typename Codes>
ActBlock act_block(const ActRows& x, std::size_t row, std::size_t block) {
  constexpr std::size_t kLen = Codes::kLen, kScaleLen = kLen == 256 ? 256 : 32, kSumLen = kLen == 256 ? 16 : 32;
  const std::size_t at = row * x.k + block * kLen;
  return {x.codes + at, x.scales + at / kScaleLen, x.sums + at / kSumLen};
}

float accumulate(const Codes32& w, const ActBlock& x, bool has_min, float acc) {
  acc = std::fma(static_cast<float>(dot(w.codes, x.codes, 32)), w.d * x.scales[0], acc);
  if (has_min) acc = std::fma(w.m, x.scales[0] * static_cast<float>(x.sums[0]), acc);
  return acc;
}

float accumulate(const Codes64& w, const ActBlock& x, bool, float acc) {
  for (std::size_t g = 0; g < 4; ++g) {
    const auto group_dot = static_cast<float>(dot(w.codes + 16 * g, x.codes + 16 * g, 16));
    acc = std::fma(group_dot, w.d[g] * x.scales[g / 2], acc);
  }
  return acc;
}

float accumulate(const Codes256& w, const ActBlock& x, bool has_min, float acc) {
  std::int32_t scaled = 0, low = 0;
  for (std::size_t g = 0; g < 16; ++g) {
    scaled += w.scale[g] * dot(w.codes + 16 * g, x.codes + 16 * g, 16);
    low += w.min[g] * x.sums[g];
  }
  acc = std::fma(static_cast<float>(scaled), w.d * x.scales[0], acc);
  if (has_min) acc = std::fma(static_cast<float>(low), -(w.dmin * x.scales[0]), acc);
  return acc;
}

void take_apart(const QuantCodec& codec, const std::byte* block, Codes32& codes) {
  codec.unpack_codes32(block, &codes, 1);
}
void take_apart(const QuantCodec& codec, const std::byte* block, Codes64& codes) {
  codec.unpack_codes64(block, &codes, 1);
}
void take_apart(const QuantCodec& codec, const std::byte* block, Codes256& codes) {
  codec.unpack_codes256(block, &codes, 1);
}

template <typename Codes>
void matmul_codes(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
                  std::size_t out_stride, std::byte*) {
  const QuantCodec& codec = *find_codec(w.type);
  const std::size_t n_end = std::min(panel_end * kPanelRows, w.n);
  Codes codes;
  std::byte block[kMaxBlockBytes];
  for (std::size_t n = panel_begin * kPanelRows; n < n_end; ++n) {
    for (std::size_t m = 0; m < x.m; ++m) out[m * out_stride + n] = 0.0f;
    for (std::size_t b = 0; b < w.k / Codes::kLen; ++b) {
      unpack_block(w.type, w.panel(n / kPanelRows) + b * panel_block_bytes(w.type), n % kPanelRows, block);
      take_apart(codec, block, codes);
      for (std::size_t m = 0; m < x.m; ++m) {
        float& acc = out[m * out_stride + n];
        acc = accumulate(codes, act_block<Codes>(x, m, b), codec.has_min, acc);
      }
    }
  }
}

void matmul_plain(const PackedMatrix& w, const ActRows& x, std::size_t panel_begin, std::size_t panel_end, float* out,
                  std::size_t out_stride, std::byte* scratch) {
  auto* row = reinterpret_cast<float*>(scratch);
  const std::size_t n_end = std::min(panel_end * kPanelRows, w.n);
  for (std::size_t n = panel_begin * kPanelRows; n < n_end; ++n) {
    decode_row(w, n, row);
    for (std::size_t m = 0; m < x.m; ++m) {
      const float* values = x.values + m * x.value_stride;
      float acc = 0.0f;
      for (std::size_t i = 0; i < w.k; ++i) acc = std::fma(row[i], values[i], acc);
      out[m * out_stride + n] = acc;
    }
  }
}

}  // namespace

void fill_matmul_scalar(KernelTable& table) {
  for (const QuantCodec& codec : all_codecs()) {
    switch (codec.form) {
      case CodesForm::kNone: set_matmul(table, codec.type, matmul_plain, "scalar"); break;
      case CodesForm::k32: set_matmul(table, codec.type, matmul_codes<Codes32>, "scalar"); break;
      case CodesForm::k64: set_matmul(table, codec.type, matmul_codes<Codes64>, "scalar"); break;
      case CodesForm::k256: set_matmul(table, codec.type, matmul_codes<Codes256>, "scalar"); break;
    }
  }
}

}  // namespace hearth::kernels
