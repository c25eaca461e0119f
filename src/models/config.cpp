// ConfigReader: ranges for every hyper-parameter, one sentence for every violation.
#include "models/config.h"

#include <cmath>

#include <fmt/format.h>

namespace hearth {

namespace {
constexpr std::size_t kMaxLayers = 4096, kMaxDim = 1u << 20, kMaxHeads = 1u << 16, kMaxVocab = 1u << 24,
                      kMaxContext = 1u << 28;
}

ConfigReader::ConfigReader(const ModelFile& file) : file_(file) {
  auto name = file.require<std::string>("general.architecture");
  if (name) {
    architecture_ = std::move(*name);
  } else {
    fail_with(std::move(name.error()));
  }
}

void ConfigReader::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

Status ConfigReader::status() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

bool ConfigReader::has(std::string_view key) const {
  return file_.find_metadata(full_key(key)).has_value();
}

std::size_t ConfigReader::integer(std::string_view key, std::size_t min, std::size_t max,
                                  std::optional<std::size_t> fallback) {
  if (error_) return min;
  if (fallback && !has(key)) return *fallback;
  const auto value = file_.require<std::uint64_t>(full_key(key));
  if (!value) {
    fail_with(value.error());
    return min;
  }
  if (*value < min || *value > max) {
    fail_with({ErrorCode::kCorruptedModel,
               fmt::format("metadata \"{}\" is {}, expected {} to {}", full_key(key), *value, min, max)});
    return min;
  }
  return *value;
}

std::vector<std::size_t> ConfigReader::per_layer(std::string_view key, std::size_t n_layers, std::size_t min,
                                                 std::size_t max, std::optional<std::size_t> fallback) {
  const auto value = file_.find_metadata(full_key(key));
  if (!value || !std::holds_alternative<MetadataArray>(value->value)) {
    return std::vector<std::size_t>(n_layers, integer(key, min, max, fallback));
  }
  std::vector<std::size_t> result(n_layers, min);
  const auto array = file_.require_array<std::uint64_t>(full_key(key), n_layers);
  if (!array) {
    fail_with(array.error());
    return result;
  }
  for (std::size_t i = 0; i < n_layers; ++i) {
    if ((*array)[i] < min || (*array)[i] > max) {
      fail_with({ErrorCode::kCorruptedModel,
                 fmt::format("metadata \"{}\"[{}] is {}, expected {} to {}", full_key(key), i, (*array)[i], min, max)});
      return result;
    }
    result[i] = (*array)[i];
  }
  return result;
}

float ConfigReader::number(std::string_view key, std::optional<float> fallback) {
  if (error_) return 0;
  if (fallback && !has(key)) return *fallback;
  const auto value = file_.require<float>(full_key(key));
  if (!value) {
    fail_with(value.error());
    return 0;
  }
  if (!std::isfinite(*value)) {
    fail_with({ErrorCode::kCorruptedModel, fmt::format("metadata \"{}\" is not a finite number", full_key(key))});
    return 0;
  }
  return *value;
}

float ConfigReader::positive(std::string_view key, std::optional<float> fallback) {
  const float value = number(key, fallback);
  if (value > 0 || error_) return value;
  fail_with(
      {ErrorCode::kCorruptedModel, fmt::format("metadata \"{}\" is {}, expected more than 0", full_key(key), value)});
  return 1;
}

bool ConfigReader::flag(std::string_view key, bool fallback) {
  const auto value = file_.value_or<bool>(full_key(key), fallback);
  if (!value) fail_with(value.error());
  return value.value_or(fallback);
}

std::string ConfigReader::text(std::string_view key, std::string_view fallback) {
  const auto value = file_.value_or<std::string>(full_key(key), std::string(fallback));
  if (!value) fail_with(value.error());
  return value.value_or(std::string(fallback));
}

ModelConfig read_common_config(ConfigReader& reader) {
  ModelConfig c;
  c.architecture = reader.architecture();
  if (const auto name = reader.file().value_or<std::string>("general.name", "")) c.name = *name;
  c.n_layers = reader.integer("block_count", 1, kMaxLayers);
  c.dim = reader.integer("embedding_length", 1, kMaxDim);
  c.n_ctx_train = reader.integer("context_length", 1, kMaxContext);
  c.n_heads = reader.per_layer("attention.head_count", c.n_layers, 0, kMaxHeads, std::size_t{0});
  c.n_kv_heads = reader.has("attention.head_count_kv")
                     ? reader.per_layer("attention.head_count_kv", c.n_layers, 0, kMaxHeads)
                     : c.n_heads;
  c.ffn_dim = reader.per_layer("feed_forward_length", c.n_layers, 0, kMaxDim, std::size_t{0});
  const std::size_t heads = c.n_heads.empty() ? 0 : c.n_heads[0];
  const std::size_t head_dim = heads ? c.dim / heads : 0;
  c.k_head_dim = reader.integer("attention.key_length", 1, kMaxDim, head_dim);
  c.v_head_dim = reader.integer("attention.value_length", 1, kMaxDim, head_dim);
  c.n_experts = reader.integer("expert_count", 0, 65536, std::size_t{0});
  c.n_experts_used =
      reader.integer("expert_used_count", c.n_experts ? 1 : 0, std::max<std::size_t>(c.n_experts, 1), std::size_t{0});
  c.norm_eps = reader.number(reader.has("attention.layer_norm_rms_epsilon") ? "attention.layer_norm_rms_epsilon"
                                                                            : "attention.layer_norm_epsilon",
                             1e-5f);
  if (!reader.status()) return c;
  for (std::size_t l = 0; l < c.n_layers; ++l) {
    if (c.n_kv_heads[l] != 0 && (c.n_heads[l] == 0 || c.n_heads[l] % c.n_kv_heads[l] != 0)) {
      reader.fail_with(
          {ErrorCode::kCorruptedModel,
           fmt::format("layer {} has {} heads and {} key/value heads; the first must be a multiple of the second", l,
                       c.n_heads[l], c.n_kv_heads[l])});
    }
  }
  const TensorInfo* table = reader.file().find_tensor("token_embd.weight");
  if (!table) {
    reader.fail_with({ErrorCode::kCorruptedModel,
                      "the file has no tensor \"token_embd.weight\"; a file that holds only a vocabulary cannot run"});
  } else if (table->dims[0] != c.dim || table->dims[1] > kMaxVocab) {
    reader.fail_with({ErrorCode::kCorruptedModel,
                      fmt::format("tensor \"token_embd.weight\" is [{}, {}], expected rows of {} for at most {} tokens",
                                  table->dims[0], table->dims[1], c.dim, kMaxVocab)});
  } else {
    c.vocab_size = table->dims[1];
  }
  return c;
}

void require_attention(ConfigReader& reader, const ModelConfig& config) {
  for (std::size_t l = 0; l < config.n_layers; ++l) {
    if (config.n_kv_heads[l] == 0) {
      reader.fail_with({ErrorCode::kCorruptedModel, fmt::format("layer {} has no attention heads; check \"{}\"", l,
                                                                reader.full_key("attention.head_count"))});
    }
  }
  if (config.k_head_dim == 0 || config.v_head_dim == 0) {
    reader.fail_with({ErrorCode::kCorruptedModel,
                      fmt::format("{} heads of {} elements in all have none each; check \"{}\"", config.n_heads[0],
                                  config.dim, reader.full_key("attention.head_count"))});
  }
}

void skip_prediction_layers(ConfigReader& reader, ModelConfig& config) {
  config.n_layers -= reader.integer("nextn_predict_layers", 0, config.n_layers - 1, std::size_t{0});
  for (auto* per_layer : {&config.n_heads, &config.n_kv_heads, &config.ffn_dim}) per_layer->resize(config.n_layers);
}

std::vector<std::size_t> read_windows(ConfigReader& reader, const ModelConfig& config,
                                      std::optional<std::size_t> default_window, std::size_t default_period) {
  const std::size_t window = reader.integer("attention.sliding_window", 0, kMaxContext, default_window);
  constexpr std::string_view kKey = "attention.sliding_window_pattern";
  std::vector<std::size_t> windows(config.n_layers, window);
  const auto pattern = reader.file().find_metadata(reader.full_key(kKey));
  const auto* array = pattern ? std::get_if<MetadataArray>(&pattern->value) : nullptr;
  if (array && array->element == ValueType::kBool) {
    const auto flags = reader.file().require_array<bool>(reader.full_key(kKey), config.n_layers);
    if (!flags) reader.fail_with(flags.error());
    for (std::size_t l = 0; flags && l < config.n_layers; ++l) windows[l] = (*flags)[l] ? window : 0;
  } else if (array) {
    const auto flags = reader.per_layer(kKey, config.n_layers, 0, 1);
    for (std::size_t l = 0; l < config.n_layers; ++l) windows[l] = flags[l] ? window : 0;
  } else {
    const std::size_t period = reader.integer(kKey, 0, kMaxLayers, default_period);
    for (std::size_t l = 0; period > 0 && l < config.n_layers; ++l) windows[l] = (l + 1) % period == 0 ? 0 : window;
  }
  return windows;
}

std::size_t read_original_context(ConfigReader& reader, const ModelConfig& config) {
  return reader.integer("rope.scaling.original_context_length", 1, kMaxContext, config.n_ctx_train);
}

ops::RopeOptions read_rope(ConfigReader& reader, const ModelConfig& config, ops::Rope::Pairs pairs) {
  ops::RopeOptions o;
  o.pairs = pairs;
  o.n_rot =
      reader.integer("rope.dimension_count", 0, std::max<std::size_t>(config.k_head_dim, 1), config.k_head_dim) / 2 * 2;
  o.base = reader.number("rope.freq_base", 10000.0f);
  const std::string scaling = reader.text("rope.scaling.type", "linear");  // without a factor this changes nothing
  float factor = reader.number("rope.scaling.factor", reader.number("rope.scale_linear", 1.0f));
  if (factor == 0) factor = 1;  // some converters write 0 for none
  o.magnitude = reader.number("rope.scaling.attn_factor", 1.0f);
  if (o.base <= 0 || factor < 0) {
    reader.fail_with({ErrorCode::kCorruptedModel,
                      fmt::format("rope base {} and scaling factor {} must be positive", o.base, factor)});
  } else if (scaling == "linear" || scaling == "longrope" || scaling == "yarn") {
    o.linear_factor = factor;
  } else if (scaling != "none" && !scaling.empty()) {
    reader.fail_with(
        {ErrorCode::kUnsupportedModel,
         fmt::format("rope scaling \"{}\" is not supported; known: none, linear, yarn, longrope", scaling)});
  }
  if (scaling == "yarn") {
    o.yarn.factor = factor;
    o.yarn.n_ctx_original = read_original_context(reader, config);
    o.yarn.extrapolation = reader.number("rope.scaling.yarn_ext_factor", 1.0f);
    o.yarn.beta_fast = reader.number("rope.scaling.yarn_beta_fast", 32.0f);
    o.yarn.beta_slow = reader.number("rope.scaling.yarn_beta_slow", 1.0f);
  }
  return o;
}

}  // namespace hearth
