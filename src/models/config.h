// Hyper-parameters read from metadata, each with its allowed range: a file's numbers never become sizes unchecked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/model_file.h"
#include "ops/rope.h"

namespace hearth {

/// What nearly every architecture has. Per-layer values are arrays of n_layers.
struct ModelConfig {
  std::string architecture;
  std::string name;
  std::size_t n_layers = 0;
  std::size_t dim = 0;
  std::size_t vocab_size = 0;
  std::size_t n_ctx_train = 0;
  std::vector<std::size_t> n_heads, n_kv_heads, ffn_dim;  // per layer; an attention-free layer has n_kv_heads 0
  std::size_t k_head_dim = 0, v_head_dim = 0;
  std::size_t n_experts = 0, n_experts_used = 0;
  float norm_eps = 0.0f;  // rms or layer norm, whichever the file gives
};

/// Reads `<architecture>.<key>` values. The first failure sticks; status() tells it.
class ConfigReader {
 public:
  explicit ConfigReader(const ModelFile& file);

  [[nodiscard]] const std::string& architecture() const { return architecture_; }
  /// An integer in [min, max]; absent without fallback is an error.
  std::size_t integer(std::string_view key, std::size_t min, std::size_t max,
                      std::optional<std::size_t> fallback = std::nullopt);
  /// One integer per layer: the file may give an array or a single value for all.
  std::vector<std::size_t> per_layer(std::string_view key, std::size_t n_layers, std::size_t min, std::size_t max,
                                     std::optional<std::size_t> fallback = std::nullopt);
  /// A finite number.
  float number(std::string_view key, std::optional<float> fallback = std::nullopt);
  /// A finite number above zero: for scales that divide.
  float positive(std::string_view key, std::optional<float> fallback = std::nullopt);
  bool flag(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string_view fallback);
  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] std::string full_key(std::string_view key) const { return architecture_ + "." + std::string(key); }
  [[nodiscard]] const ModelFile& file() const { return file_; }

  void fail_with(Error error);
  [[nodiscard]] Status status() const;

 private:
  const ModelFile& file_;
  std::string architecture_;
  std::optional<Error> error_;
};

/// The common part. vocab_size comes from the token table's shape.
ModelConfig read_common_config(ConfigReader& reader);
/// Refuses a file with a layer that has no heads or heads of no elements, for architectures that have none.
void require_attention(ConfigReader& reader, const ModelConfig& config);

/// Takes off the last nextn_predict_layers layers, which guess tokens ahead and have no part in the model itself.
void skip_prediction_layers(ConfigReader& reader, ModelConfig& config);

/// The attention window of every layer, 0 where it sees all positions. attention.sliding_window is the window's size
/// (0: none anywhere); attention.sliding_window_pattern is one flag per layer or a period whose last layer sees all.
std::vector<std::size_t> read_windows(ConfigReader& reader, const ModelConfig& config,
                                      std::optional<std::size_t> default_window, std::size_t default_period);

/// Rope as the metadata describes it (rope.freq_base, rope.dimension_count, rope.scaling.*), with `factors` from a
/// rope_freqs tensor when there is one. head_dim is the default number of turning elements.
ops::RopeOptions read_rope(ConfigReader& reader, const ModelConfig& config, ops::Rope::Pairs pairs);
/// rope.scaling.original_context_length: what the model was trained with before its context was stretched.
std::size_t read_original_context(ConfigReader& reader, const ModelConfig& config);

}  // namespace hearth
