// Llama-shaped model files with random weights, of any size and mix of types: for tests of memory and for benchmarks.
#pragma once

#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "file/gguf/writer.h"
#include "tensor/half.h"

namespace hearth::testing {

struct SyntheticShape {
  std::size_t dim = 1024, ffn = 4096, n_layers = 5, n_heads = 16, n_kv_heads = 4, vocab = 512, n_ctx = 4096;
  /// The type of a matrix by its name; norms are F32.
  std::function<DType(const std::string& name)> type = [](const std::string&) { return DType::kQ8_0; };
};

/// Random blocks whose values have a standard deviation of about 1 / sqrt(k): bytes are random, F16 scales are set. For
/// the types that benchmarks use: Q4_0, Q8_0, Q4_K, Q6_K, F16, BF16, F32.
inline void fill_random(DType type, std::uint64_t k, std::vector<std::byte>& bytes, std::mt19937_64& random) {
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  const float deviation = 1.0f / std::sqrt(static_cast<float>(k));
  const auto put = [&](std::size_t offset, float value) {
    const std::uint16_t half = f32_to_f16(value);
    std::memcpy(bytes.data() + offset, &half, 2);
  };
  const std::size_t block = dtype_info(type).block_bytes;
  std::normal_distribution<float> normal(0.0f, deviation);
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    switch (type) {
      case DType::kF32: {
        const float value = normal(random);
        std::memcpy(bytes.data() + at, &value, 4);
        break;
      }
      case DType::kF16: put(at, normal(random)); break;
      case DType::kQ4_0: put(at, deviation / 4.6f); break;
      case DType::kQ8_0: put(at, deviation / 74.0f); break;
      case DType::kQ4_K:  // 6-bit scales around 32, codes 0..15, minima around 32
        put(at, deviation / (32.0f * 4.6f));
        put(at + 2, deviation * 7.5f / (32.0f * 4.6f));
        break;
      case DType::kQ6_K: put(at + 208, deviation / (74.0f * 18.5f)); break;
      default: break;
    }
  }
}

/// Writes the file; returns the bytes of its tensors.
inline std::uint64_t write_synthetic_llama(const std::filesystem::path& path, const SyntheticShape& s,
                                           std::uint32_t seed) {
  gguf::HeaderBuilder builder;
  builder.add_string("general.architecture", "llama");
  builder.add_string("tokenizer.ggml.model", "none");
  const auto number = [&](const std::string& key, std::size_t value) {
    builder.add_number("llama." + key, static_cast<std::uint32_t>(value));
  };
  number("block_count", s.n_layers);
  number("context_length", s.n_ctx);
  number("embedding_length", s.dim);
  number("feed_forward_length", s.ffn);
  number("attention.head_count", s.n_heads);
  number("attention.head_count_kv", s.n_kv_heads);
  builder.add_number("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  struct Tensor {
    DType type;
    std::vector<std::uint64_t> dims;
  };
  std::vector<Tensor> tensors;
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> dims) {
    const DType type = dims.size() == 1 ? DType::kF32 : s.type(name);
    builder.add_tensor(name, type, dims);
    tensors.push_back({type, std::move(dims)});
  };
  const std::size_t kv = s.dim / s.n_heads * s.n_kv_heads;
  add("token_embd.weight", {s.dim, s.vocab});
  add("output_norm.weight", {s.dim});
  for (std::size_t l = 0; l < s.n_layers; ++l) {
    const std::string b = "blk." + std::to_string(l) + ".";
    add(b + "attn_norm.weight", {s.dim});
    add(b + "attn_q.weight", {s.dim, s.dim});
    add(b + "attn_k.weight", {s.dim, kv});
    add(b + "attn_v.weight", {s.dim, kv});
    add(b + "attn_output.weight", {s.dim, s.dim});
    add(b + "ffn_norm.weight", {s.dim});
    add(b + "ffn_gate.weight", {s.dim, s.ffn});
    add(b + "ffn_up.weight", {s.dim, s.ffn});
    add(b + "ffn_down.weight", {s.ffn, s.dim});
  }
  auto writer = gguf::Writer::create(path, builder);
  if (!writer) return 0;
  std::mt19937_64 random(seed);
  std::uint64_t total = 0;
  for (const Tensor& tensor : tensors) {
    std::vector<std::byte> bytes(row_bytes(tensor.type, tensor.dims[0]) *
                                 (tensor.dims.size() > 1 ? tensor.dims[1] : 1));
    if (tensor.dims.size() == 1) {
      const std::vector<float> ones(tensor.dims[0], 1.0f);
      std::memcpy(bytes.data(), ones.data(), bytes.size());
    } else {
      fill_random(tensor.type, tensor.dims[0], bytes, random);
    }
    if (!writer->write(bytes)) return 0;
    total += bytes.size();
  }
  return writer->finish() ? total : 0;
}

}  // namespace hearth::testing
