// The rules of the mixes.
#include "library/quantize_mix.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "tensor/quant/codec.h"

#include <fmt/format.h>

namespace hearth::quantize {

namespace {

constexpr std::array kMixes = {
    MixInfo{Mix::kF32, "F32", DType::kF32, 0},           MixInfo{Mix::kF16, "F16", DType::kF16, 1},
    MixInfo{Mix::kBF16, "BF16", DType::kBF16, 32},       MixInfo{Mix::kQ4_0, "Q4_0", DType::kQ4_0, 2},
    MixInfo{Mix::kQ4_1, "Q4_1", DType::kQ4_1, 3},        MixInfo{Mix::kQ5_0, "Q5_0", DType::kQ5_0, 8},
    MixInfo{Mix::kQ5_1, "Q5_1", DType::kQ5_1, 9},        MixInfo{Mix::kQ8_0, "Q8_0", DType::kQ8_0, 7},
    MixInfo{Mix::kQ2_K, "Q2_K", DType::kQ2_K, 10},       MixInfo{Mix::kQ3_K_S, "Q3_K_S", DType::kQ3_K, 11},
    MixInfo{Mix::kQ3_K_M, "Q3_K_M", DType::kQ3_K, 12},   MixInfo{Mix::kQ3_K_L, "Q3_K_L", DType::kQ3_K, 13},
    MixInfo{Mix::kQ4_K_S, "Q4_K_S", DType::kQ4_K, 14},   MixInfo{Mix::kQ4_K_M, "Q4_K_M", DType::kQ4_K, 15},
    MixInfo{Mix::kQ5_K_S, "Q5_K_S", DType::kQ5_K, 16},   MixInfo{Mix::kQ5_K_M, "Q5_K_M", DType::kQ5_K, 17},
    MixInfo{Mix::kQ6_K, "Q6_K", DType::kQ6_K, 18},       MixInfo{Mix::kIQ4_NL, "IQ4_NL", DType::kIQ4_NL, 25},
    MixInfo{Mix::kIQ4_XS, "IQ4_XS", DType::kIQ4_XS, 30}, MixInfo{Mix::kMXFP4_MOE, "MXFP4_MOE", DType::kMXFP4, 38},
};

/// What a tensor is for, as far as the rules care.
enum class Role : std::uint8_t { kEmbedding, kOutput, kQ, kK, kV, kQkv, kKvB, kAttentionOutput, kFfnDown, kOther };

bool contains(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

Role role_of(std::string_view name) {
  if (name == "output.weight") return Role::kOutput;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return Role::kEmbedding;
  if (contains(name, "attn_qkv.weight")) return Role::kQkv;
  if (contains(name, "attn_kv_b.weight")) return Role::kKvB;
  if (contains(name, "attn_v.weight")) return Role::kV;
  if (contains(name, "attn_k.weight")) return Role::kK;
  if (contains(name, "attn_q.weight")) return Role::kQ;
  if (contains(name, "attn_output.weight")) return Role::kAttentionOutput;
  if (contains(name, "ffn_down")) return Role::kFfnDown;
  return Role::kOther;
}

/// Norms, routers, positions, convolutions and other tensors that are small and sensitive keep their type.
bool may_change(const TensorInfo& tensor) {
  constexpr std::array<std::string_view, 25> kKept = {"_norm.weight",
                                                      "ffn_gate_inp.weight",
                                                      "ffn_gate_tid2eid.weight",
                                                      "altup",
                                                      "laurel",
                                                      "per_layer_model_proj",
                                                      "ssm_conv1d",
                                                      "shortconv.conv.weight",
                                                      "indexer.k_proj.",
                                                      "indexer.q_proj.",
                                                      "time_mix_first.",
                                                      "time_mix_w0.",
                                                      "time_mix_w1.",
                                                      "time_mix_w2.",
                                                      "time_mix_v0.",
                                                      "time_mix_v1.",
                                                      "time_mix_v2.",
                                                      "time_mix_a0.",
                                                      "time_mix_a1.",
                                                      "time_mix_a2.",
                                                      "time_mix_g1.",
                                                      "time_mix_g2.",
                                                      "time_mix_decay_w",
                                                      "time_mix_lerp_fused.",
                                                      "attn_rel_b.weight"};
  const std::string_view name = tensor.name;
  if (tensor.n_dims < 2 || tensor.n_rows() < 2 || !name.ends_with("weight")) return false;
  if (name == "position_embd.weight" || name == "token_types.weight") return false;
  return std::ranges::none_of(kKept, [&](std::string_view part) { return contains(name, part); });
}

/// The N of "blk.N.", or -1.
int layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  int layer = -1;
  if (name.starts_with(kPrefix)) std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  return layer;
}

/// The facts of a model that the rules look at.
struct Facts {
  std::string architecture;
  int n_layers = 0;
  std::uint64_t n_experts = 0;
  std::uint64_t heads_per_kv_head = 1;
  bool tied = true;         // no output matrix of its own
  int n_value_tensors = 0;  // attn_v and what contains it
  bool is_70b = false;      // 80 layers, grouped heads
};

template <typename T>
T first_of(const ModelFile& file, const std::string& key, T fallback) {
  const auto value = file.find_metadata(key);
  if (!value) return fallback;
  if (const auto number = convert_value<T>(key, *value)) return *number;
  const auto list = convert_array<T>(key, *value);
  return list && !list->empty() ? list->front() : fallback;
}

Result<Facts> facts_of(const ModelFile& file) {
  Facts facts;
  HEARTH_TRY(facts.architecture, file.require<std::string>("general.architecture"));
  const std::string& a = facts.architecture;
  HEARTH_TRY(const auto n_layers, file.require<std::uint32_t>(a + ".block_count"));
  if (n_layers > 100'000) return fail(ErrorCode::kCorruptedModel, fmt::format("{} layers cannot be", n_layers));
  facts.n_layers = static_cast<int>(n_layers);
  facts.n_experts = first_of<std::uint64_t>(file, a + ".expert_count", 0);
  const auto heads = first_of<std::uint64_t>(file, a + ".attention.head_count", 0);
  const auto kv_heads = first_of<std::uint64_t>(file, a + ".attention.head_count_kv", heads);
  facts.heads_per_kv_head = kv_heads ? heads / kv_heads : 0;
  facts.is_70b = n_layers == 80 && ((a == "llama" && heads != kv_heads) || a == "qwen2" || a == "deci");
  for (const TensorInfo& tensor : file.tensors()) {
    const Role role = role_of(tensor.name);
    facts.n_value_tensors += role == Role::kV || role == Role::kQkv || role == Role::kKvB;
    if (role == Role::kOutput) facts.tied = false;
  }
  return facts;
}

/// The first and the last eighth of the layers, and every third between.
bool deserves_more_bits(int i, int n) {
  return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

/// Chooses types tensor by tensor, in the order of layers: some rules count what they have seen.
class Chooser {
 public:
  Chooser(const Facts& facts, const MixInfo& mix) : facts_(facts), mix_(mix) {}

  DType choose(const TensorInfo& tensor) {
    if (mix_.mix == Mix::kMXFP4_MOE) return tensor.dims[2] > 1 ? mix_.base : DType::kQ8_0;
    const Role role = role_of(tensor.name);
    switch (role) {
      case Role::kOutput: return output(tensor);
      case Role::kEmbedding: return facts_.tied ? output(tensor) : mix_.base;
      case Role::kV:
      case Role::kQkv:
      case Role::kKvB: return value();
      case Role::kK: return facts_.n_experts == 8 ? DType::kQ8_0 : mix_.base;
      case Role::kFfnDown: return ffn_down(tensor);
      case Role::kAttentionOutput: return attention_output();
      case Role::kQ:
      case Role::kOther: break;
    }
    return mix_.base;
  }

 private:
  [[nodiscard]] bool falcon() const { return facts_.architecture == "falcon"; }

  [[nodiscard]] DType output(const TensorInfo& tensor) const {
    if (falcon() || tensor.dims[0] % dtype_info(mix_.base).block_len != 0) return DType::kQ8_0;
    return mix_.base == DType::kQ8_0 ? DType::kQ8_0 : DType::kQ6_K;
  }

  DType value() {
    const int i = n_values_seen_++;
    const bool grouped = facts_.heads_per_kv_head >= 4;
    DType type = mix_.base;
    switch (mix_.mix) {
      case Mix::kQ2_K: type = grouped ? DType::kQ4_K : DType::kQ3_K; break;
      case Mix::kQ3_K_M: type = i < 2 ? DType::kQ5_K : DType::kQ4_K; break;
      case Mix::kQ3_K_L: type = DType::kQ5_K; break;
      case Mix::kIQ4_NL:
      case Mix::kIQ4_XS:
        if (grouped) type = DType::kQ5_K;
        break;
      case Mix::kQ4_K_M:
      case Mix::kQ5_K_M:
        if (deserves_more_bits(i, facts_.n_value_tensors)) type = DType::kQ6_K;
        break;
      case Mix::kQ4_K_S:
        if (i < 4) type = DType::kQ5_K;
        break;
      default: break;
    }
    if (facts_.is_70b && (type == DType::kQ3_K || type == DType::kQ4_K)) type = DType::kQ5_K;
    if (facts_.n_experts == 8) type = DType::kQ8_0;
    return type;
  }

  DType ffn_down(const TensorInfo& tensor) {
    const int seen = n_ffn_down_seen_++;
    // Expert tensors do not come one per layer, so their names count.
    const int i = facts_.n_experts > 1 ? layer_of(tensor.name) : seen;
    const int n = facts_.n_layers;
    const bool more = deserves_more_bits(i, n);
    switch (mix_.mix) {
      case Mix::kQ2_K: return DType::kQ3_K;
      case Mix::kQ3_K_M:
        if (i < n / 16) return DType::kQ5_K;
        return !falcon() || more ? DType::kQ4_K : DType::kQ3_K;
      case Mix::kQ3_K_L: return falcon() ? DType::kQ4_K : DType::kQ5_K;
      case Mix::kQ4_K_M:
        if (!falcon()) return more ? DType::kQ6_K : mix_.base;
        if (i < n / 16) return DType::kQ6_K;
        return more ? DType::kQ5_K : DType::kQ4_K;
      case Mix::kIQ4_NL:
      case Mix::kIQ4_XS: return i < n / 8 ? DType::kQ5_K : mix_.base;
      case Mix::kQ5_K_M: return more ? DType::kQ6_K : mix_.base;
      case Mix::kQ4_K_S: return !falcon() && i < n / 8 ? DType::kQ5_K : mix_.base;
      default: return mix_.base;
    }
  }

  [[nodiscard]] DType attention_output() const {
    if (falcon()) return mix_.mix == Mix::kQ3_K_L ? DType::kQ4_K : mix_.base;
    if (facts_.n_experts == 8) {
      switch (mix_.mix) {
        case Mix::kQ2_K:
        case Mix::kQ3_K_S:
        case Mix::kQ3_K_M:
        case Mix::kQ4_K_S:
        case Mix::kQ4_K_M:
        case Mix::kIQ4_NL:
        case Mix::kIQ4_XS: return DType::kQ5_K;
        default: return mix_.base;
      }
    }
    switch (mix_.mix) {
      case Mix::kQ2_K: return DType::kQ3_K;
      case Mix::kQ3_K_M: return DType::kQ4_K;
      case Mix::kQ3_K_L: return DType::kQ5_K;
      default: return mix_.base;
    }
  }

  const Facts& facts_;
  const MixInfo& mix_;
  int n_values_seen_ = 0, n_ffn_down_seen_ = 0;
};

/// A type of smaller blocks for rows that are no multiple of the wanted type's block.
DType fitting(DType wanted, std::uint64_t row_length) {
  if (row_length % dtype_info(wanted).block_len == 0) return wanted;
  DType smaller = DType::kF16;
  switch (wanted) {
    case DType::kIQ4_XS: smaller = DType::kIQ4_NL; break;
    case DType::kQ2_K:
    case DType::kQ3_K: smaller = DType::kQ4_0; break;
    case DType::kQ4_K: smaller = DType::kQ5_0; break;
    case DType::kQ5_K: smaller = DType::kQ5_1; break;
    case DType::kQ6_K: smaller = DType::kQ8_0; break;
    default: break;
  }
  return row_length % dtype_info(smaller).block_len == 0 ? smaller : DType::kF16;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

}  // namespace

std::span<const MixInfo> all_mixes() {
  return kMixes;
}

const MixInfo* find_mix(std::string_view name) {
  std::string wanted = upper(name);
  if (wanted == "Q3_K" || wanted == "Q4_K" || wanted == "Q5_K") wanted += "_M";
  const auto* found = std::ranges::find(kMixes, wanted, &MixInfo::name);
  return found == kMixes.end() ? nullptr : found;
}

Result<std::vector<Plan>> plan_types(const ModelFile& file, const MixInfo& mix, Purity purity) {
  HEARTH_TRY(const Facts facts, facts_of(file));
  const auto tensors = file.tensors();
  std::vector<Plan> plans(tensors.size());
  std::vector<std::size_t> order(tensors.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(layer_of(tensors[i].name), tensors[i].name); });
  Chooser chooser(facts, mix);
  for (const std::size_t i : order) {
    const TensorInfo& tensor = tensors[i];
    plans[i] = {.tensor = &tensor, .target = tensor.dtype, .unfit = std::nullopt};
    if (!may_change(tensor) || !find_codec(tensor.dtype)) continue;
    const bool mixed = purity == Purity::kMixed && dtype_info(mix.base).quantized();
    const DType wanted = mixed ? chooser.choose(tensor) : mix.base;
    plans[i].target = fitting(wanted, tensor.dims[0]);
    if (plans[i].target != wanted) plans[i].unfit = wanted;
  }
  return plans;
}

}  // namespace hearth::quantize
