// The table of codecs. A block format is one struct and one unpack_block; its row here is made from them.
#include "tensor/quant/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tensor/quant/grid_blocks.h"
#include "tensor/quant/k_blocks.h"
#include "tensor/quant/plain_floats.h"
#include "tensor/quant/simple_blocks.h"
#include "tensor/quant/table_blocks.h"
#include "tensor/quant/ternary_blocks.h"

static_assert(std::endian::native == std::endian::little, "block formats are little-endian and read in place");

namespace hearth {

namespace {

/// Blocks lie at any address: a copy of one is aligned.
template <typename Block>
Block load_block(const void* blocks, std::size_t i) {
  Block block;
  std::memcpy(&block, static_cast<const unsigned char*>(blocks) + i * sizeof(Block), sizeof(Block));
  return block;
}

// The order of operations below is the formats' own: (d * scale) * code - dmin * min, each step rounded to float.
template <bool HasMin>
void evaluate(const Codes32& codes, float* out) {
  for (int e = 0; e < 32; ++e) {
    out[e] = codes.d * static_cast<float>(codes.codes[e]);
    if constexpr (HasMin) out[e] += codes.m;
  }
}

template <bool HasMin>
void evaluate(const Codes64& codes, float* out) {
  for (int e = 0; e < 64; ++e) out[e] = codes.d[e / 16] * static_cast<float>(codes.codes[e]);
}

template <bool HasMin>
void evaluate(const Codes256& codes, float* out) {
  for (int group = 0; group < 16; ++group) {
    const float scale = codes.d * static_cast<float>(codes.scale[group]);
    const float minimum = codes.dmin * static_cast<float>(codes.min[group]);
    for (int e = 16 * group; e < 16 * group + 16; ++e) {
      out[e] = scale * static_cast<float>(codes.codes[e]);
      if constexpr (HasMin) out[e] -= minimum;
    }
  }
}

template <typename Block>
void decode_blocks(const void* blocks, float* out, std::size_t n_elements) {
  using Codes = typename Block::Codes;
  Codes codes;
  for (std::size_t i = 0; i < n_elements / Codes::kLen; ++i) {
    unpack_block(load_block<Block>(blocks, i), codes);
    evaluate<Block::kHasMin>(codes, out + i * Codes::kLen);
  }
}

template <typename Block>
void unpack_blocks(const void* blocks, typename Block::Codes* out, std::size_t n_blocks) {
  for (std::size_t i = 0; i < n_blocks; ++i) unpack_block(load_block<Block>(blocks, i), out[i]);
}

template <typename Block>
void encode_blocks(const float* values, const float* importance, void* blocks, std::size_t n_elements) {
  constexpr std::size_t kLen = Block::Codes::kLen;
  for (std::size_t i = 0; i < n_elements / kLen; ++i) {
    Block block;
    encode_block(values + i * kLen, importance ? importance + i * kLen : nullptr, block);
    std::memcpy(static_cast<unsigned char*>(blocks) + i * sizeof(Block), &block, sizeof(Block));
  }
}

template <typename Block>
constexpr QuantCodec row() {
  using Codes = typename Block::Codes;
  QuantCodec codec{};
  codec.type = Block::kType;
  codec.form = kFormOf<Codes>;
  codec.scale_span = Block::kScaleSpan;
  codec.has_min = Block::kHasMin;
  codec.decode = decode_blocks<Block>;
  if constexpr (requires(const float* values, Block& block) { encode_block(values, values, block); }) {
    codec.encode = encode_blocks<Block>;
  }
  if constexpr (kFormOf<Codes> == CodesForm::k32) codec.unpack_codes32 = unpack_blocks<Block>;
  if constexpr (kFormOf<Codes> == CodesForm::k64) codec.unpack_codes64 = unpack_blocks<Block>;
  if constexpr (kFormOf<Codes> == CodesForm::k256) codec.unpack_codes256 = unpack_blocks<Block>;
  return codec;
}

using namespace quant;

constexpr QuantCodec kCodecs[] = {
    {DType::kF32, CodesForm::kNone, 1, false, decode_f32, encode_f32, nullptr, nullptr, nullptr},
    {DType::kF16, CodesForm::kNone, 1, false, decode_f16, encode_f16, nullptr, nullptr, nullptr},
    row<BlockQ4_0>(),
    row<BlockQ4_1>(),
    row<BlockQ5_0>(),
    row<BlockQ5_1>(),
    row<BlockQ8_0>(),
    row<BlockQ8_1>(),
    row<BlockQ2_K>(),
    row<BlockQ3_K>(),
    row<BlockQ4_K>(),
    row<BlockQ5_K>(),
    row<BlockQ6_K>(),
    row<BlockQ8_K>(),
    row<BlockIQ2_XXS>(),
    row<BlockIQ2_XS>(),
    row<BlockIQ3_XXS>(),
    row<BlockIQ1_S>(),
    row<BlockIQ4_NL>(),
    row<BlockIQ3_S>(),
    row<BlockIQ2_S>(),
    row<BlockIQ4_XS>(),
    row<BlockIQ1_M>(),
    {DType::kBF16, CodesForm::kNone, 1, false, decode_bf16, encode_bf16, nullptr, nullptr, nullptr},
    row<BlockTQ1_0>(),
    row<BlockTQ2_0>(),
    row<BlockMXFP4>(),
    row<BlockNVFP4>(),
};

static_assert(std::ranges::is_sorted(kCodecs, {}, &QuantCodec::type));

}  // namespace

std::span<const QuantCodec> all_codecs() {
  return kCodecs;
}

const QuantCodec* find_codec(DType type) {
  const auto* found = std::ranges::lower_bound(kCodecs, type, {}, &QuantCodec::type);
  return found != std::end(kCodecs) && found->type == type ? found : nullptr;
}

}  // namespace hearth
