// What a model's files recommend, as options.
#include <array>
#include <cmath>

#include "base/file.h"
#include "generate/options.h"
#include "sample/options_check.h"

#include <nlohmann/json.hpp>

namespace hearth::generate {

namespace {

using S = SamplingRequest;

struct RealOption {
  std::string_view name;
  std::optional<float> S::* wanted;
  float SamplerOptions::* checked;
};
constexpr std::array kRealOptions = {
    RealOption{"temperature", &S::temperature, &SamplerOptions::temperature},
    RealOption{"top_p", &S::top_p, &SamplerOptions::top_p},
    RealOption{"min_p", &S::min_p, &SamplerOptions::min_p},
    RealOption{"typical_p", &S::typical_p, &SamplerOptions::typical_p},
    RealOption{"repetition_penalty", &S::repetition_penalty, &SamplerOptions::repetition_penalty},
};
struct WholeOption {
  std::string_view name;
  std::optional<std::int32_t> S::* wanted;
  std::int32_t SamplerOptions::* checked;
};
constexpr std::array kWholeOptions = {
    WholeOption{"top_k", &S::top_k, &SamplerOptions::top_k},
    WholeOption{"penalty_window", &S::penalty_window, &SamplerOptions::penalty_window},
};

constexpr std::int32_t kAnyVocabulary = 1 << 16;  // no option here depends on its size

/// Takes the option over where a sampler would take it.
void recommend(std::string_view name, double value, S& sampling) {
  const auto makes_sense = [](const SamplerOptions& options) {
    return sample::check_options(options, kAnyVocabulary).has_value();
  };
  SamplerOptions trial;
  for (const RealOption& option : kRealOptions) {
    if (option.name != name) continue;
    trial.*option.checked = static_cast<float>(value);
    if (makes_sense(trial)) sampling.*option.wanted = static_cast<float>(value);
  }
  if (!(std::abs(value) < 1e9) || value != std::floor(value)) return;
  for (const WholeOption& option : kWholeOptions) {
    if (option.name != name) continue;
    trial.*option.checked = static_cast<std::int32_t>(value);
    if (makes_sense(trial)) sampling.*option.wanted = static_cast<std::int32_t>(value);
  }
}

}  // namespace

Recommendation model_options(const ModelInfo& info) {
  Recommendation options;
  for (const auto& [name, value] : info.recommended) recommend(name, value, options.sampling);
  return options;
}

Result<Recommendation> parse_generation_config(std::string_view json, Recommendation options) {
  const nlohmann::json config = nlohmann::json::parse(json, nullptr, false);
  if (!config.is_object())
    return fail(ErrorCode::kInvalidArgument, "reading generation_config.json: expected a JSON object");
  for (const auto& [key, value] : config.items()) {
    if (value.is_number()) recommend(key, value.get<double>(), options.sampling);
  }
  // "do_sample": false means that the likeliest token is taken, whatever else the file says.
  if (const auto found = config.find("do_sample"); found != config.end() && found->is_boolean() && !found->get<bool>())
    options.sampling = S{.temperature = 0.0f};
  if (const auto found = config.find("max_new_tokens"); found != config.end() && found->is_number_unsigned())
    options.max_tokens = found->get<std::size_t>();
  return options;
}

Result<Recommendation> recommended_beside(const std::filesystem::path& model, const ModelInfo& info) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 20;
  const std::filesystem::path path = model.parent_path() / "generation_config.json";
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return model_options(info);
  HEARTH_TRY(const std::string json, read_file(path, kLargest));
  auto options = parse_generation_config(json, model_options(info));
  if (!options) return std::unexpected(std::move(options.error()).within(path.string()));
  return options;
}

}  // namespace hearth::generate
