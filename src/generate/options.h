// Whose word counts: the caller's, the preset's, the model's, or the table of defaults.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hearth/language_model.h"
#include "hearth/reply.h"
#include "hearth/request.h"
#include "hearth/sampling.h"

namespace hearth::generate {

/// Options that a preset or a model's files recommend; what they leave out stays open.
struct Recommendation {
  SamplingRequest sampling;
  std::optional<std::size_t> max_tokens;
  std::optional<std::vector<std::string>> stop;
  std::optional<std::size_t> max_sentences;
};

Recommendation preset_options(Preset preset);
/// What the model's files recommend. Values that no sampler takes are left out.
Recommendation model_options(const ModelInfo& info);
/// From the text of a generation_config.json, over what is recommended already. Its other keys do not concern us.
Result<Recommendation> parse_generation_config(std::string_view json, Recommendation options = {});
/// What the model at this path recommends: its own metadata, overruled by a generation_config.json in its folder.
Result<Recommendation> recommended_beside(const std::filesystem::path& model, const ModelInfo& info);

/// The options in force. The members' initial values are the defaults, with those of SamplerOptions: the one table.
struct ResolvedOptions {
  SamplerOptions sampling;
  std::size_t max_tokens = 0;     // until the model ends or the context is full
  std::vector<std::string> stop;  // none
  std::size_t max_sentences = 0;  // no limit
  std::vector<EffectiveOption> told;
};

/// The caller's word, else the preset's, else the model's, else the default. A seed that nobody names is drawn, so that
/// asking again gives another answer; it is told like the others.
ResolvedOptions resolve_options(const Request& request, const Recommendation& model);

}  // namespace hearth::generate
