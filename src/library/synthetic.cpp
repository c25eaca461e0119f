// SyntheticModel: a GGUF header without a file behind it, and weights drawn from a pool of encoded blocks.
#include "library/synthetic.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "file/gguf/writer.h"
#include "tensor/quant/codec.h"

#include <fmt/format.h>

namespace hearth::synthetic {

namespace {

constexpr std::size_t kPoolUnits = 1024;  // different pieces of weights per type and row length

/// A step of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t scrambled(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

/// About normal, deviation 1: the sum of twelve uniform numbers, the same on every platform.
float normal(std::uint64_t& state) {
  std::uint32_t sum = 0;
  for (int word = 0; word < 3; ++word) {
    state = scrambled(state);
    for (int part = 0; part < 4; ++part) sum += state >> (16 * part) & 0xffff;
  }
  return (static_cast<float>(sum) - 6.0f * 65535.0f) / 65536.0f;
}

struct TensorPlan {
  std::string name;
  std::vector<std::uint64_t> dims;
};

std::vector<TensorPlan> plan_layer(const Shape& s, std::uint32_t layer) {
  const std::uint64_t q = std::uint64_t{s.n_heads} * s.head_dim, kv = std::uint64_t{s.n_kv_heads} * s.head_dim;
  std::vector<TensorPlan> plan;
  const auto add = [&](std::string_view name, std::vector<std::uint64_t> dims) {
    plan.push_back({fmt::format("blk.{}.{}", layer, name), std::move(dims)});
  };
  add("attn_norm.weight", {s.dim});
  if (s.architecture == "phi3") {
    add("attn_qkv.weight", {s.dim, q + 2 * kv});
  } else {
    add("attn_q.weight", {s.dim, q});
    add("attn_k.weight", {s.dim, kv});
    add("attn_v.weight", {s.dim, kv});
  }
  if (s.architecture == "qwen2") {
    add("attn_q.bias", {q});
    add("attn_k.bias", {kv});
    add("attn_v.bias", {kv});
  }
  if (s.architecture == "qwen3") {
    add("attn_q_norm.weight", {s.head_dim});
    add("attn_k_norm.weight", {s.head_dim});
  }
  add("attn_output.weight", {q, s.dim});
  if (s.architecture == "gemma2") add("post_attention_norm.weight", {s.dim});
  add("ffn_norm.weight", {s.dim});
  if (s.n_experts != 0) {
    add("ffn_gate_inp.weight", {s.dim, s.n_experts});
    add("ffn_gate_exps.weight", {s.dim, s.ffn, s.n_experts});
    add("ffn_up_exps.weight", {s.dim, s.ffn, s.n_experts});
    add("ffn_down_exps.weight", {s.ffn, s.dim, s.n_experts});
  } else {
    if (s.architecture != "phi3") add("ffn_gate.weight", {s.dim, s.ffn});
    add("ffn_up.weight", {s.dim, s.architecture == "phi3" ? 2 * s.ffn : s.ffn});
    add("ffn_down.weight", {s.ffn, s.dim});
  }
  if (s.architecture == "gemma2") add("post_ffw_norm.weight", {s.dim});
  return plan;
}

std::vector<TensorPlan> plan_tensors(const Shape& s) {
  std::vector<TensorPlan> plan = {{"token_embd.weight", {s.dim, s.vocab}}, {"output_norm.weight", {s.dim}}};
  if (s.output == Shape::Output::kOwn) plan.push_back({"output.weight", {s.dim, s.vocab}});
  for (std::uint32_t layer = 0; layer < s.n_layers; ++layer) {
    std::ranges::move(plan_layer(s, layer), std::back_inserter(plan));
  }
  return plan;
}

void add_metadata(gguf::HeaderBuilder& builder, const Shape& s, const quantize::MixInfo& mix) {
  builder.add_string("general.architecture", s.architecture);
  builder.add_string("general.name", fmt::format("{} with random weights", s.name));
  builder.add_number("general.file_type", mix.file_type);
  builder.add_string("tokenizer.ggml.model", "none");
  const auto add = [&](std::string_view key, auto value) {
    builder.add_number(fmt::format("{}.{}", s.architecture, key), value);
  };
  add("vocab_size", s.vocab);
  add("block_count", s.n_layers);
  add("context_length", s.n_ctx);
  add("embedding_length", s.dim);
  add("feed_forward_length", s.ffn);
  add("attention.head_count", s.n_heads);
  add("attention.head_count_kv", s.n_kv_heads);
  add("attention.key_length", s.head_dim);
  add("attention.value_length", s.head_dim);
  add("attention.layer_norm_rms_epsilon", 1e-5f);
  add("rope.dimension_count", s.head_dim);
  add("rope.freq_base", s.rope_base);
  if (s.n_experts != 0) {
    add("expert_count", s.n_experts);
    add("expert_used_count", s.n_experts_used);
  }
  if (s.architecture == "gemma2") {
    add("attention.sliding_window", std::uint32_t{4096});
    add("attn_logit_softcapping", 50.0f);
    add("final_logit_softcapping", 30.0f);
  }
}

/// `types` in the order of the plan.
gguf::HeaderBuilder header_of(const Shape& shape, const quantize::MixInfo& mix, const std::vector<TensorPlan>& plan,
                              const std::vector<DType>& types) {
  gguf::HeaderBuilder builder;
  add_metadata(builder, shape, mix);
  for (std::size_t i = 0; i < plan.size(); ++i) builder.add_tensor(plan[i].name, types[i], plan[i].dims);
  return builder;
}

class SyntheticModel final : public ModelFile {
 public:
  explicit SyntheticModel(gguf::Header header) : header_(std::move(header)) {}

  /// Encodes the pools; before that only the header can be read.
  Status fill_pools() {
    for (const TensorInfo& tensor : tensors()) {
      std::vector<std::byte>& pool = pools_[{tensor.dtype, tensor.dims[0]}];
      if (tensor.n_dims < 2 || !pool.empty()) continue;
      const QuantCodec* codec = find_codec(tensor.dtype);
      if (codec == nullptr || codec->encode == nullptr)
        return fail(ErrorCode::kUnsupportedFormat, "this type can be read, not written");
      std::vector<float> values(kPoolUnits * unit_elements(tensor.dtype));
      std::uint64_t state = tensor.dims[0];
      const float deviation = 1.0f / std::sqrt(static_cast<float>(tensor.dims[0]));
      for (float& value : values) value = deviation * normal(state);
      pool.resize(kPoolUnits * unit_bytes(tensor.dtype));
      codec->encode(values.data(), nullptr, pool.data(), values.size());
    }
    return {};
  }

  [[nodiscard]] std::string format() const override { return "random weights"; }
  [[nodiscard]] std::vector<std::filesystem::path> paths() const override { return {}; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return header_.file_size(); }
  [[nodiscard]] std::size_t n_metadata() const override { return header_.n_metadata(); }
  [[nodiscard]] MetadataEntry metadata(std::size_t idx) const override { return header_.metadata(idx); }
  [[nodiscard]] std::optional<MetadataValue> find_metadata(std::string_view key) const override {
    return header_.find_metadata(key);
  }
  [[nodiscard]] std::span<const TensorInfo> tensors() const override { return header_.tensors(); }
  [[nodiscard]] const TensorInfo* find_tensor(std::string_view name) const override {
    const auto found = std::ranges::find(tensors(), name, &TensorInfo::name);
    return found == tensors().end() ? nullptr : &*found;
  }
  [[nodiscard]] Status read_tensor_range(const TensorInfo& tensor, std::uint64_t offset,
                                         std::span<std::byte> out) const override {
    if (tensor.n_dims < 2) {  // a norm's weights are one, biases are zero
      const float value = tensor.name.ends_with("bias") ? 0.0f : 1.0f;
      const auto bytes = std::as_bytes(std::span(&value, 1));
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = bytes[(offset + i) % sizeof value];
      return {};
    }
    const std::vector<std::byte>& pool = pools_.at({tensor.dtype, tensor.dims[0]});
    const std::size_t unit = unit_bytes(tensor.dtype);
    while (!out.empty()) {
      const std::uint64_t which = scrambled(tensor.offset + offset / unit) % kPoolUnits;
      const std::size_t from = offset % unit, n = std::min(unit - from, out.size());
      std::memcpy(out.data(), pool.data() + which * unit + from, n);
      offset += n;
      out = out.subspan(n);
    }
    return {};
  }

 private:
  /// Rows of all shapes are multiples of 32 elements.
  static std::size_t unit_elements(DType type) { return std::max<std::size_t>(32, dtype_info(type).block_len); }
  static std::size_t unit_bytes(DType type) { return row_bytes(type, unit_elements(type)); }

  gguf::Header header_;
  std::map<std::pair<DType, std::uint64_t>, std::vector<std::byte>> pools_;
};

struct Parts {
  gguf::HeaderBuilder builder;
  std::unique_ptr<SyntheticModel> model;
};

Result<Parts> make_parts(const Shape& shape, const quantize::MixInfo& mix) {
  const std::vector<TensorPlan> plan = plan_tensors(shape);
  std::vector<DType> types(plan.size(), DType::kF32);
  HEARTH_TRY(auto unquantized, header_of(shape, mix, plan, types).build());
  const SyntheticModel whole(std::move(unquantized.header));
  HEARTH_TRY(const auto choices, quantize::plan_types(whole, mix, quantize::Purity::kMixed));
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = choices[i].target;
  Parts parts{header_of(shape, mix, plan, types), nullptr};
  HEARTH_TRY(auto built, parts.builder.build());
  parts.model = std::make_unique<SyntheticModel>(std::move(built.header));
  HEARTH_CHECK(parts.model->fill_pools());
  return parts;
}

}  // namespace

Result<std::unique_ptr<ModelFile>> make_model(const Shape& shape, const quantize::MixInfo& mix) {
  HEARTH_TRY(Parts parts, make_parts(shape, mix));
  return std::unique_ptr<ModelFile>(std::move(parts.model));
}

Status write_model(const Shape& shape, const quantize::MixInfo& mix, const std::filesystem::path& path,
                   const std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>& progress) {
  constexpr std::uint64_t kPiece = 4u << 20;
  HEARTH_TRY(const Parts parts, make_parts(shape, mix));
  HEARTH_TRY(auto writer, gguf::Writer::create(path, parts.builder));
  std::vector<std::byte> piece;
  std::uint64_t done = 0;
  for (const TensorInfo& tensor : parts.model->tensors()) {
    for (std::uint64_t at = 0; at < tensor.size_bytes; at += kPiece) {
      piece.resize(std::min(kPiece, tensor.size_bytes - at));
      HEARTH_CHECK(parts.model->read_tensor_range(tensor, at, piece));
      HEARTH_CHECK(writer.write(piece));
      done += piece.size();
      if (progress) progress(done, parts.model->size_bytes());
    }
  }
  return writer.finish();
}

}  // namespace hearth::synthetic
