// Models of real shapes with random weights: how fast a model would be on this machine, before anybody downloads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "file/model_file.h"
#include "library/quantize_mix.h"

namespace hearth::synthetic {

/// The numbers that decide a model's size and speed, as its publisher's configuration gives them.
struct Shape {
  std::string_view name;          // as people ask for it
  std::string_view architecture;  // as metadata names it
  std::uint32_t n_layers, dim, ffn, n_heads, n_kv_heads, head_dim, vocab, n_ctx;
  float rope_base;
  enum class Output : std::uint8_t { kTied, kOwn } output;
  std::uint32_t n_experts = 0, n_experts_used = 0;
};

/// In the order in which they are shown.
std::span<const Shape> all_shapes();
/// Null when unknown; letters of either case.
const Shape* find_shape(std::string_view name);

/// A model without a file: every tensor's bytes are made when they are read, always the same ones. Weights are normal
/// with a standard deviation of 1 / sqrt(row length), encoded as the mix says; there is no tokenizer.
Result<std::unique_ptr<ModelFile>> make_model(const Shape& shape, const quantize::MixInfo& mix);

/// The same as a GGUF file that other engines open too; it appears whole or not at all.
Status write_model(const Shape& shape, const quantize::MixInfo& mix, const std::filesystem::path& path,
                   const std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>& progress = {});

}  // namespace hearth::synthetic
