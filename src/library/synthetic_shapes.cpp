// The shapes known by name. To add one, add a row; a new architecture also needs its tensors in synthetic.cpp.
#include <algorithm>
#include <array>
#include <cctype>

#include "library/synthetic.h"

namespace hearth::synthetic {

namespace {

using enum Shape::Output;

constexpr std::array kShapes = std::to_array<Shape>({
    // name, architecture, layers, dim, ffn, heads, kv heads, head dim, vocabulary, context, rope base, output
    {"smollm2-360m", "llama", 32, 960, 2560, 15, 5, 64, 49152, 8192, 1e5f, kTied},
    {"qwen2.5-0.5b", "qwen2", 24, 896, 4864, 14, 2, 64, 151936, 32768, 1e6f, kTied},
    {"qwen3-0.6b", "qwen3", 28, 1024, 3072, 16, 8, 128, 151936, 40960, 1e6f, kTied},
    {"tinyllama-1.1b", "llama", 22, 2048, 5632, 32, 4, 64, 32000, 2048, 1e4f, kOwn},
    {"llama-3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 128256, 131072, 5e5f, kTied},
    {"qwen2.5-1.5b", "qwen2", 28, 1536, 8960, 12, 2, 128, 151936, 32768, 1e6f, kTied},
    {"gemma-2-2b", "gemma2", 26, 2304, 9216, 8, 4, 256, 256000, 8192, 1e4f, kTied},
    {"llama-3.2-3b", "llama", 28, 3072, 8192, 24, 8, 128, 128256, 131072, 5e5f, kTied},
    {"phi-3-mini", "phi3", 32, 3072, 8192, 32, 32, 96, 32064, 4096, 1e4f, kOwn},
    {"qwen3-4b", "qwen3", 36, 2560, 9728, 32, 8, 128, 151936, 40960, 1e6f, kTied},
    {"mistral-7b", "llama", 32, 4096, 14336, 32, 8, 128, 32768, 32768, 1e6f, kOwn},
    {"qwen2.5-7b", "qwen2", 28, 3584, 18944, 28, 4, 128, 152064, 32768, 1e6f, kOwn},
    {"llama-3.1-8b", "llama", 32, 4096, 14336, 32, 8, 128, 128256, 131072, 5e5f, kOwn},
    {"qwen2.5-14b", "qwen2", 48, 5120, 13824, 40, 8, 128, 152064, 32768, 1e6f, kOwn},
    // Mixtral's structure at a size that any machine runs.
    {"mixtral-tiny", "llama", 8, 1024, 3584, 16, 4, 64, 32000, 32768, 1e6f, kOwn, 8, 2},
});

}  // namespace

std::span<const Shape> all_shapes() {
  return kShapes;
}

const Shape* find_shape(std::string_view name) {
  const auto lower = [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); };
  const auto found = std::ranges::find_if(
      kShapes, [&](const Shape& shape) { return std::ranges::equal(shape.name, name, {}, {}, lower); });
  return found == kShapes.end() ? nullptr : &*found;
}

}  // namespace hearth::synthetic
